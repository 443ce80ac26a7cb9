SELECT w.device_id, v.slot
FROM unnest(%(devices)s::int4[]) AS w (device_id)
CROSS JOIN unnest(%(slots)s::int4[]) AS v (slot)
WHERE EXISTS (
    SELECT FROM {source} AS s
    WHERE s.device_id = w.device_id AND s.at >= to_timestamp(v.slot * 60.0) AND s.at < to_timestamp((v.slot + 15) * 60.0)
      AND s.at >= %(low)s AND s.at < %(high)s
)
