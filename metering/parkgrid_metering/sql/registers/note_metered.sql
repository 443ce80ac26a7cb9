UPDATE base.register AS r
SET settled_to = greatest(r.settled_to, v.settled_to)
FROM (
    SELECT register_id, to_timestamp(metered_ms / 1000.0) AS settled_to
    FROM unnest(%(registers)s::int4[], %(metered_ms)s::int8[]) AS s (register_id, metered_ms)
) AS v
WHERE r.park_id = %(park_id)s AND r.register_id = v.register_id
  AND r.settled_to IS DISTINCT FROM greatest(r.settled_to, v.settled_to)
