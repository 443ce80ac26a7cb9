-- The first usable reading of each device at or after an instant of its own. `low` and `high` bound all of them, so that only
-- their partitions or chunks are looked at.
SELECT w.device_id, (
    SELECT min(s.at) FROM {source} AS s
    WHERE s.park_id = %(park_id)s AND s.device_id = w.device_id AND s.at >= w.after AND s.at >= %(low)s AND s.at < %(high)s
      AND s.{signal} IS NOT NULL
      AND (s.flags IS NULL OR coalesce(s.flags ->> {name}, 'good') IN ('good', 'estimated'))
)
FROM unnest(%(devices)s::int4[], %(after)s::timestamptz[]) AS w (device_id, after)
