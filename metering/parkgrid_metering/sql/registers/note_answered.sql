UPDATE base.register AS r
SET method = 'register', counted_from = v.counted_from
FROM unnest(%(registers)s::int4[], %(counted)s::timestamptz[]) AS v (register_id, counted_from)
WHERE r.park_id = %(park_id)s AND r.register_id = v.register_id
