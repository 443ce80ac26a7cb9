SELECT DISTINCT d.gateway, date_bin('15 minutes', g.at, '2000-01-01T00:00Z'), date_bin('15 minutes', g.at, '2000-01-01T00:00Z')
FROM base.device AS d
JOIN base.device AS w ON w.park_id = d.park_id AND w.gateway = d.gateway AND w.device_class = 'gateway'
JOIN base.gateway AS g ON g.park_id = %(park_id)s AND g.device_id = w.device_id AND g.at >= %(low)s AND g.at < %(high)s
WHERE d.park_id = %(park_id)s AND d.device_id = ANY(%(devices)s)
