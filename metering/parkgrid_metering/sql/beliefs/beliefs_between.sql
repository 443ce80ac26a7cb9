SELECT b.register_id, b.at, b.belief
FROM unnest(%(registers)s::int4[], %(lows)s::int8[], %(highs)s::int8[]) AS w (register_id, low_ms, high_ms)
JOIN base.register_belief AS b ON b.park_id = %(park_id)s AND b.register_id = w.register_id
  AND b.at > to_timestamp(w.low_ms / 1000.0) AND b.at <= to_timestamp(w.high_ms / 1000.0)
