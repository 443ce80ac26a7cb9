DELETE FROM base.register_finding AS f
USING unnest(%(registers)s::int4[], %(lows)s::int8[], %(highs)s::int8[]) AS w (register_id, low_ms, high_ms)
WHERE f.park_id = %(park_id)s AND f.register_id = w.register_id
  AND f.at >= to_timestamp(w.low_ms / 1000.0) AND f.at < to_timestamp(w.high_ms / 1000.0)
