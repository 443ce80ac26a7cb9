-- What was believed within a span that was judged again; a day's own state at its start stays.
DELETE FROM base.register_belief AS b
USING unnest(%(registers)s::int4[], %(lows)s::int8[], %(highs)s::int8[]) AS w (register_id, low_ms, high_ms)
WHERE b.park_id = %(park_id)s AND b.register_id = w.register_id
  AND b.at >= to_timestamp(w.low_ms / 1000.0) AND b.at <= to_timestamp(w.high_ms / 1000.0)
  AND (b.at > to_timestamp(w.low_ms / 1000.0) OR extract(epoch FROM b.at)::int8 %% 86400 <> 0)
