-- The quarters of an hour in which some power of a class of a park is an estimate.
SELECT d.device_class, (date_part('epoch', e.at) * 1000)::bigint AS at_ms
FROM public.devices d
JOIN public.estimates e USING (park_id, device_id)
WHERE d.park = %(park)s AND d.park_id = %(park_id)s AND e.signal = 'active_power_kw'
  AND e.at > %(start)s::timestamptz - INTERVAL '15 minutes' AND e.at < %(stop)s
GROUP BY d.device_class, e.at
ORDER BY e.at
