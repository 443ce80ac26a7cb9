-- The local days that quarters of an hour belong to, each with the first of them. The server knows the park's zone: so it
-- names a day as it does elsewhere.
SELECT date_trunc('day', q.at, p.time_zone) AS day, min(q.at)
FROM base.park AS p, generate_series(%(low)s::timestamptz, %(high)s::timestamptz, INTERVAL '15 minutes') AS q (at)
WHERE p.park_id = %(park_id)s
GROUP BY day
ORDER BY 2
