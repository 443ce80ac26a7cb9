SELECT d.park, d.gateway, d.device, (extract(epoch FROM s.at) * 1000)::int8, s.flags, {columns}
FROM {view} AS s
JOIN public.devices AS d USING (park_id, device_id)
WHERE s.park_id = ANY(%(parks)s) AND s.at >= %(start)s AND s.at < %(stop)s
ORDER BY s.park_id, s.device_id, s.at;
