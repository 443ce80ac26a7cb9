SELECT r.register_id
FROM base.register AS r
JOIN base.device AS d USING (device_id)
WHERE d.park = %(park)s AND d.gateway = %(gateway)s AND d.device = %(device)s AND r.signal = %(signal)s
ORDER BY d.retired, r.register_id DESC
LIMIT 1
