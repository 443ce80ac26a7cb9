SELECT d.park || '/' || d.gateway || '/' || d.device || '/' || r.signal
FROM base.register AS r
JOIN base.device AS d USING (park_id, device_id)
WHERE r.park_id = %(park_id)s
ORDER BY d.device = %(device)s DESC, d.gateway = %(gateway)s DESC, 1
LIMIT 5
