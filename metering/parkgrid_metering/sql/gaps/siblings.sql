SELECT d.device_id, d.park, d.gateway, s.device_id
FROM base.device AS d
LEFT JOIN base.device AS s
    ON s.park = d.park AND s.gateway = d.gateway AND s.device <> d.device AND s.device_class <> 'gateway'
    AND EXISTS (SELECT FROM base.register AS r WHERE r.device_id = s.device_id)
WHERE d.device_id = ANY(%(devices)s)
