-- The readings around intervals that lie in a gap or touch one.
SELECT DISTINCT i.register_id, i.first_at, i.last_at
FROM unnest(%(registers)s::int4[]) AS r (register_id)
CROSS JOIN unnest(%(lows)s::timestamptz[], %(highs)s::timestamptz[]) AS s (low, high)
JOIN base.interval_energy AS i ON i.register_id = r.register_id AND i.at >= s.low AND i.at < s.high
WHERE i.quality <> 1 AND i.last_at - i.first_at > i.period_s * INTERVAL '1 second'
ORDER BY i.register_id, i.first_at, i.last_at
