SELECT w.device_id, (
    SELECT min(s.at) FROM {source} AS s
    WHERE s.device_id = w.device_id AND s.{signal} IS NOT NULL
      AND (s.flags IS NULL OR coalesce(s.flags ->> {name}, 'good') IN ('good', 'estimated'))
)
FROM unnest(%(devices)s::int4[]) AS w (device_id)
