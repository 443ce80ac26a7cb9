-- One pass over the span: asking slot by slot is hundreds of times slower where chunks are many.
SELECT DISTINCT s.device_id, (floor(extract(epoch FROM s.at) / 900) * 15)::int4 AS slot
FROM {source} AS s
WHERE s.park_id = %(park_id)s AND s.device_id = ANY(%(devices)s::int4[]) AND s.at >= %(low)s AND s.at < %(high)s
  AND (floor(extract(epoch FROM s.at) / 900) * 15)::int4 = ANY(%(slots)s::int4[])
