-- The declarations of a register as they were known at an instant: the latest word about each instant holds.
SELECT DISTINCT ON (valid_from)
       (date_part('epoch', valid_from) * 1000)::int8, round(modulus_kwh * 1000)::int8, ratio_numerator,
       ratio_denominator, round(initial_kwh * 1000)::int8, round(final_kwh * 1000)::int8, reason, declared_by,
       round(step_kwh * 1000)::int8
FROM public.register_declarations
WHERE park_id = %(park_id)s AND register_id = %(register)s
  AND (%(known_at)s::timestamptz IS NULL OR declared_at <= %(known_at)s)
ORDER BY valid_from, declaration_id DESC
