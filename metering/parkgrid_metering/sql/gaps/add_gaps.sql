INSERT INTO base.data_gap (register_id, from_at, to_at, cause)
SELECT %(register)s, * FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[], %(causes)s::text[])
