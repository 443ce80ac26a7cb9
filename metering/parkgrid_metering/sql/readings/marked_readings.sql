SELECT
    device_id,
    string_agg(timestamptz_send(at) || {packed}, '')
FROM {source}
WHERE park_id = %(park_id)s AND at >= %(low)s AND at < %(high)s AND device_id = ANY(%(devices)s)
  AND (flags IS NOT NULL OR received_at > at + INTERVAL '15 minutes')
GROUP BY device_id
