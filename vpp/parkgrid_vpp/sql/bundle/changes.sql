-- When rows of a park's registers within a span became what they are or were, the latest first: between two such instants
-- all of them stayed the same.
SELECT DISTINCT i.changed_at
FROM unnest(%(gateways)s::text[], %(devices)s::text[], %(signals)s::text[]) AS a (gateway, device, signal)
JOIN public.registers AS r USING (gateway, device, signal)
CROSS JOIN LATERAL (
    SELECT changed_at FROM public.interval_energy
    WHERE park_id = %(park_id)s AND register_id = r.register_id AND at >= %(start)s AND at < %(stop)s
    UNION ALL
    SELECT changed_at FROM public.interval_energy_revisions
    WHERE park_id = %(park_id)s AND register_id = r.register_id AND at >= %(start)s AND at < %(stop)s
) AS i
WHERE r.park_id = %(park_id)s
ORDER BY i.changed_at DESC
LIMIT %(most)s
