-- Second values for a reading that is already stored: the first was kept, both are shown.
SELECT c.conflict_id, (date_part('epoch', c.received_at) * 1000)::bigint AS received_ms,
       d.park, d.gateway, d.device, c.device_class, (date_part('epoch', c.at) * 1000)::bigint AS at_ms,
       c.kept, c.refused
FROM public.conflicts c
LEFT JOIN public.devices d USING (park_id, device_id)
WHERE (%(park)s::text IS NULL OR d.park = %(park)s)
  AND (%(park_id)s::int4 IS NULL OR c.park_id = %(park_id)s)
  AND c.received_at >= %(start)s AND c.received_at < %(stop)s
ORDER BY c.received_at DESC, c.conflict_id DESC
LIMIT %(limit)s
