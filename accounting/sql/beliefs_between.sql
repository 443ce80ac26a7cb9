SELECT b.register_id, b.at, b.belief
FROM unnest(%(registers)s::int4[], %(lows)s::timestamptz[], %(highs)s::timestamptz[]) AS w (register_id, low, high)
JOIN base.register_belief AS b ON b.register_id = w.register_id AND b.at > w.low AND b.at <= w.high
