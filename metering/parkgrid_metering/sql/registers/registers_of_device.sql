SELECT d.park || '/' || d.gateway || '/' || d.device || '/' || r.signal
FROM base.register AS r
JOIN base.device AS d USING (device_id)
WHERE d.park = %(park)s
ORDER BY d.device = %(device)s DESC, d.gateway = %(gateway)s DESC, 1
LIMIT 5
