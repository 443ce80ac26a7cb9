DELETE FROM base.register_finding AS f
USING unnest(%(registers)s::int4[], %(lows)s::timestamptz[], %(highs)s::timestamptz[]) AS w (register_id, low, high)
WHERE f.register_id = w.register_id AND f.at >= w.low AND f.at < w.high
