SELECT string_agg(
    int8send(w.place - 1) || timestamptz_send(n.at) || int8send(n.steps) || int8send(n.trust), ''
)
FROM unnest(%(devices)s::int4[], %(bounds)s::timestamptz[]) WITH ORDINALITY AS w (device_id, bound, place)
CROSS JOIN LATERAL (
    SELECT s.at, s.{signal}::int8 AS steps,
        CASE WHEN s.flags IS NULL OR s.flags ->> {name} IS NULL OR s.flags ->> {name} = 'good' THEN 1 ELSE 2 END::int8 AS trust
    FROM {source} AS s
    WHERE s.device_id = w.device_id AND s.at < w.bound AND s.at >= %(low)s AND s.at < %(high)s
      AND s.{signal} IS NOT NULL
      AND (s.flags IS NULL OR coalesce(s.flags ->> {name}, 'good') IN ('good', 'estimated'))
    ORDER BY s.at DESC
    LIMIT %(count)s
) AS n
