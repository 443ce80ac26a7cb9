SELECT
    r.park || '/' || r.gateway || '/' || r.device || '/' || r.signal, r.unit, r.period_s, r.method,
    n.valid_from, n.modulus_kwh, n.ratio_numerator, n.ratio_denominator, n.initial_kwh, n.final_kwh, n.declared_by,
    n.declared_at, n.reason, n.step_kwh
FROM public.registers AS r
LEFT JOIN public.register_declarations AS n USING (park_id, register_id)
WHERE r.park_id = ANY(%(parks)s)
ORDER BY r.park, r.gateway, r.device, r.signal, n.valid_from, n.declaration_id
