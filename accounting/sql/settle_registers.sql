UPDATE base.register AS r
SET settled_to = greatest(r.settled_to, v.settled_to)
FROM unnest(%(registers)s::int4[], %(settled)s::timestamptz[]) AS v (register_id, settled_to)
WHERE r.register_id = v.register_id AND r.settled_to IS DISTINCT FROM greatest(r.settled_to, v.settled_to)
