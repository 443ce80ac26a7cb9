-- The newest instant of one class in a park.
SELECT (date_part('epoch', max(r.at)) * 1000)::bigint AS at_ms
FROM public.devices d
JOIN {relation} r USING (park_id, device_id)
WHERE d.park = %(park)s AND d.park_id = %(park_id)s AND d.device_class = {device_class}
HAVING count(*) > 0
