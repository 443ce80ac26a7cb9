SELECT DISTINCT d.park || '/' || d.gateway
FROM base.device AS d
JOIN base.gateway_birth AS b USING (park, gateway)
WHERE d.device_id = ANY(%(devices)s) AND b.imported
