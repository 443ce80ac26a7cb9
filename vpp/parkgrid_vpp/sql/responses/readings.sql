-- The readings of a park's devices within two minutes each, by the place of the question. Start and stop of the whole event leave
-- other days' tables alone.
SELECT k.place, r.at, r.{power}
FROM unnest(%(devices)s::int4[], %(starts)s::timestamptz[]) WITH ORDINALITY AS k (device_id, since, place)
CROSS JOIN LATERAL (
    SELECT at, {power} FROM public.{view}
    WHERE park_id = %(park_id)s AND device_id = k.device_id AND at >= k.since AND at < k.since + interval '2 minutes'
      AND at >= %(start)s AND at < %(stop)s AND {power} IS NOT NULL
) AS r
ORDER BY k.place, r.at
