SELECT register_id, valid_from, modulus_steps, ratio_numerator, ratio_denominator, initial_steps, final_steps,
    step_steps
FROM (
    SELECT DISTINCT ON (register_id, valid_from) *
    FROM base.register_declaration
    WHERE park_id = %(park_id)s AND register_id = ANY(%(registers)s)
    -- the latest word about an instant holds
    ORDER BY register_id, valid_from, declaration_id DESC
) AS latest
ORDER BY register_id, valid_from
