SELECT d.device_id, d.gateway, s.device_id
FROM base.device AS d
LEFT JOIN base.device AS s
    ON s.park_id = d.park_id AND s.gateway = d.gateway AND s.device <> d.device AND s.device_class <> 'gateway'
    AND EXISTS (SELECT FROM base.register AS r WHERE r.park_id = %(park_id)s AND r.device_id = s.device_id)
WHERE d.park_id = %(park_id)s AND d.device_id = ANY(%(devices)s)
