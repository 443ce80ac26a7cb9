-- A park's completeness by local day: every register weighs the same, however often it is read.
SELECT c.day::text, count(*) AS registers, avg(c.coverage_pct) AS coverage_pct, min(c.coverage_pct) AS coverage_pct_min,
       sum(c.expected)::int8 AS expected, sum(c.received)::int8 AS received, sum(c.valid)::int8 AS valid,
       sum(c.estimated)::int8 AS estimated, sum(c.late)::int8 AS late
FROM public.registers r
CROSS JOIN LATERAL (
    SELECT (i.at AT TIME ZONE %(time_zone)s)::date AS day, sum(i.expected) AS expected, sum(i.received) AS received,
           sum(i.valid) AS valid, sum(i.estimated) AS estimated, sum(i.late) AS late,
           100 * least(1, sum(i.valid) / nullif(sum(i.expected), 0)::float8) AS coverage_pct
    FROM public.energy_intervals i
    WHERE i.park_id = r.park_id AND i.register_id = r.register_id AND i.at >= %(start)s AND i.at < %(stop)s
    GROUP BY 1
) c
WHERE r.park_id = %(park_id)s
GROUP BY c.day
ORDER BY c.day
