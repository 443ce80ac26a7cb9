-- The mean power of a device in each minute of a span.
SELECT at, active_power_kw
FROM {relation}
WHERE park_id = %(park_id)s AND device_id = %(device_id)s AND at >= %(start)s AND at < %(stop)s
  AND active_power_kw IS NOT NULL
