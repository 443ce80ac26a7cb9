-- The local days that quarters of an hour belong to, each where it begins. The server knows the park's zone: so it names a
-- day as it does elsewhere.
SELECT at, day
FROM (
    SELECT q.at, z.day, lag(z.day) OVER (ORDER BY q.at) AS before
    FROM base.park AS p, generate_series(%(low)s::timestamptz, %(high)s::timestamptz, INTERVAL '15 minutes') AS q (at),
        date_trunc('day', q.at, p.time_zone) AS z (day)
    WHERE p.park_id = %(park_id)s
) AS quarter
WHERE day IS DISTINCT FROM before
ORDER BY at
