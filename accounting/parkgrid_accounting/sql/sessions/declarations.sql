-- What holds for registers from which instant on: the latest word about each instant.
SELECT DISTINCT ON (n.register_id, n.valid_from) n.register_id, (date_part('epoch', n.valid_from) * 1000)::int8 AS valid_from_ms,
    round(n.modulus_kwh * 1000)::int8 AS modulus_steps, n.ratio_numerator, n.ratio_denominator,
    round(n.initial_kwh * 1000)::int8 AS initial_steps, round(n.final_kwh * 1000)::int8 AS final_steps
FROM public.register_declarations AS n
WHERE n.park_id = %(park_id)s AND n.register_id = ANY (%(registers)s)
ORDER BY n.register_id, n.valid_from, n.declaration_id DESC
