SELECT DISTINCT d.gateway
FROM base.device AS d
JOIN base.gateway_birth AS b USING (park, gateway)
WHERE d.park_id = %(park_id)s AND d.device_id = ANY(%(devices)s) AND b.imported
