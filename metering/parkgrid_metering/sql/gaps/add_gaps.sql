INSERT INTO base.data_gap (park_id, register_id, from_at, to_at, cause)
SELECT %(park_id)s, %(register)s, * FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[], %(causes)s::text[])
