-- What had been declared of registers at an instant (or ever), the latest word about each instant last.
SELECT
    n.park || '/' || n.gateway || '/' || n.device || '/' || n.signal, (date_part('epoch', n.valid_from) * 1000)::int8,
    round(n.modulus_kwh * 1000)::int8, n.ratio_numerator, n.ratio_denominator, round(n.initial_kwh * 1000)::int8,
    round(n.final_kwh * 1000)::int8
FROM unnest(%(parks)s::int4[], %(registers)s::int4[]) AS a (park_id, register_id)
JOIN public.register_declarations AS n USING (park_id, register_id)
WHERE %(as_of)s::timestamptz IS NULL OR n.declared_at <= %(as_of)s::timestamptz
ORDER BY 1, 2, n.declaration_id
