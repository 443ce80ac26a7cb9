-- From the last that the database held of a gateway to the first that it heard after it was restored.
SELECT DISTINCT r.gateway, greatest(r.held_at, %(low)s), least(r.noted_at, %(high)s)
FROM base.device AS d
JOIN base.store_restore AS r USING (park, gateway)
WHERE d.park_id = %(park_id)s AND d.device_id = ANY(%(devices)s) AND (r.held_at IS NULL OR r.held_at < %(high)s)
  AND r.noted_at >= %(low)s
