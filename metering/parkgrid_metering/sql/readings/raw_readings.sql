SELECT
    device_id,
    string_agg(timestamptz_send(at) || {packed}, ''),
    bool_or(flags IS NOT NULL OR received_at > at + INTERVAL '15 minutes')
FROM {source}
WHERE park_id = %(park_id)s AND at >= %(low)s AND at < %(high)s{chosen}
GROUP BY device_id
