-- The newest instant of one class in a park.
SELECT (date_part('epoch', max(r.at)) * 1000)::bigint AS at_ms
FROM public.devices d
JOIN {relation} r USING (device_id)
WHERE d.park = %(park)s AND d.device_class = {device_class}
HAVING count(*) > 0
