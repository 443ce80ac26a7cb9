SELECT DISTINCT d.park || '/' || d.gateway, i.at, i.at
FROM base.device AS d
JOIN base.device AS s USING (park, gateway)
JOIN base.register AS r ON r.device_id = s.device_id
JOIN base.interval_energy AS i ON i.register_id = r.register_id
WHERE d.device_id = ANY(%(devices)s) AND i.at >= %(low)s AND i.at < %(high)s AND i.late > 0
