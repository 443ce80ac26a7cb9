-- How late the first reading of a park's devices after each of some instants was received, in seconds: one search in the primary
-- key each. Start and stop of the whole event leave other days' tables alone.
SELECT d.device_id, d.simulated, date_part('epoch', r.received_at - r.at)
FROM public.devices AS d
CROSS JOIN unnest(%(instants)s::timestamptz[]) AS i (since)
CROSS JOIN LATERAL (
    SELECT at, received_at FROM public.{view}
    WHERE park_id = %(park_id)s AND device_id = d.device_id AND at >= i.since AND at < i.since + interval '1 minute'
      AND at >= %(start)s AND at < %(stop)s
    ORDER BY at LIMIT 1
) AS r
WHERE d.park_id = %(park_id)s AND d.device_id = ANY(%(devices)s)
