INSERT INTO base.register_declaration
    (park_id, register_id, valid_from, modulus_steps, ratio_numerator, ratio_denominator, initial_steps, final_steps,
     step_steps, reason, declared_by, declared_at)
VALUES (%(park_id)s, %(register)s, %(valid_from)s, %(modulus)s, %(numerator)s, %(denominator)s, %(initial)s, %(final)s,
    %(step)s, %(reason)s, %(by)s, %(at)s)
