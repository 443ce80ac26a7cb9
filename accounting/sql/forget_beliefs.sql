-- What was believed within a span that was judged again; a day's own state at its start stays.
DELETE FROM base.register_belief AS b
USING unnest(%(registers)s::int4[], %(lows)s::timestamptz[], %(highs)s::timestamptz[]) AS w (register_id, low, high)
WHERE b.register_id = w.register_id AND b.at >= w.low AND b.at <= w.high
  AND (b.at > w.low OR extract(epoch FROM b.at)::int8 %% 86400 <> 0)
