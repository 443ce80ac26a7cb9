-- The local days that quarters of an hour belong to, each where it begins. The server names a day as it does elsewhere.
SELECT at, day
FROM (
    SELECT q.at, z.day, lag(z.day) OVER (ORDER BY q.at) AS before
    FROM generate_series(%(low)s::timestamptz, %(high)s::timestamptz, INTERVAL '15 minutes') AS q (at),
        date_trunc('day', q.at, %(zone)s) AS z (day)
) AS quarter
WHERE day IS DISTINCT FROM before
ORDER BY at
