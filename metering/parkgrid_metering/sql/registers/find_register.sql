SELECT r.register_id
FROM base.register AS r
JOIN base.device AS d USING (park_id, device_id)
WHERE r.park_id = %(park_id)s AND d.gateway = %(gateway)s AND d.device = %(device)s AND r.signal = %(signal)s
ORDER BY d.retired, r.register_id DESC
LIMIT 1
