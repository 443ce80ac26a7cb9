-- The readings around intervals that lie in a gap or touch one. OFFSET 0 keeps each search on the key of its register:
-- turned into one join, all intervals ever would be read.
SELECT DISTINCT i.register_id, i.first_at, i.last_at
FROM unnest(%(registers)s::int4[]) AS r (register_id)
CROSS JOIN unnest(%(lows)s::timestamptz[], %(highs)s::timestamptz[]) AS s (low, high)
CROSS JOIN LATERAL (
    SELECT e.register_id, e.first_at, e.last_at
    FROM base.interval_energy AS e
    WHERE e.park_id = %(park_id)s AND e.register_id = r.register_id AND e.at >= s.low AND e.at < s.high
      AND e.quality <> 1 AND e.last_at - e.first_at > e.period_s * INTERVAL '1 second'
    OFFSET 0
) AS i
ORDER BY i.register_id, i.first_at, i.last_at
