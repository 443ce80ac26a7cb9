UPDATE base.register AS r
SET sought_from = v.sought_from
FROM unnest(%(registers)s::int4[], %(sought)s::timestamptz[]) AS v (register_id, sought_from)
WHERE r.park_id = %(park_id)s AND r.register_id = v.register_id AND r.sought_from IS DISTINCT FROM v.sought_from
