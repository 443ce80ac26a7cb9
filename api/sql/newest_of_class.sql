-- The newest instant of one class in a park.
SELECT (date_part('epoch', latest.at) * 1000)::bigint AS at_ms
FROM public.devices d
CROSS JOIN LATERAL (
    SELECT r.at FROM {relation} r WHERE r.device_id = d.device_id ORDER BY r.at DESC LIMIT 1
) latest
WHERE d.park = %(park)s AND d.device_class = {device_class}
