-- A neighbour that misses readings itself does not prove that the way was open.
SELECT DISTINCT s.device_id, i.at, i.at
FROM base.device AS d
JOIN base.device AS s USING (park_id, gateway)
JOIN base.register AS r ON r.park_id = %(park_id)s AND r.device_id = s.device_id
JOIN base.interval_energy AS i ON i.park_id = %(park_id)s AND i.register_id = r.register_id
WHERE d.park_id = %(park_id)s AND d.device_id = ANY(%(devices)s) AND i.at >= %(low)s AND i.at < %(high)s
  AND 10 * i.valid >= 9 * i.expected
