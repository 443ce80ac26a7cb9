SELECT d.park, d.gateway, d.device, (extract(epoch FROM s.at) * 1000)::int8, s.flags, {columns}
FROM {view} AS s
JOIN public.devices AS d USING (device_id)
WHERE s.at >= %(start)s AND s.at < %(stop)s AND d.park = ANY(%(parks)s)
ORDER BY s.device_id, s.at;
