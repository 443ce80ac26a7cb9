-- When rows of registers within a span became what they are or were, the latest first: between two such instants all of
-- them stayed the same.
SELECT DISTINCT i.changed_at
FROM unnest(%(parks)s::text[], %(gateways)s::text[], %(devices)s::text[], %(signals)s::text[])
    AS a (park, gateway, device, signal)
JOIN public.registers AS r USING (park, gateway, device, signal)
CROSS JOIN LATERAL (
    SELECT changed_at FROM public.interval_energy
    WHERE register_id = r.register_id AND at >= %(start)s AND at < %(stop)s
    UNION ALL
    SELECT changed_at FROM public.interval_energy_revisions
    WHERE register_id = r.register_id AND at >= %(start)s AND at < %(stop)s
) AS i
ORDER BY i.changed_at DESC
LIMIT %(most)s
