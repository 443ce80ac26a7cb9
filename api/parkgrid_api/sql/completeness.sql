-- How much of what should have come in a span came, register by register.
SELECT r.gateway, r.device, r.device_class, r.signal,
       c.expected::int8, c.received::int8, c.valid::int8, c.estimated::int8, c.late::int8,
       c.good_intervals, c.estimated_intervals, c.intervals,
       100 * least(1, c.valid / nullif(c.expected, 0)::float8) AS coverage_pct
FROM public.registers r
CROSS JOIN LATERAL (
    SELECT sum(i.expected) AS expected, sum(i.received) AS received, sum(i.valid) AS valid,
           sum(i.estimated) AS estimated, sum(i.late) AS late, count(*) AS intervals,
           count(*) FILTER (WHERE i.quality = 1) AS good_intervals,
           count(*) FILTER (WHERE i.quality = 2) AS estimated_intervals
    FROM public.energy_intervals i
    WHERE i.park_id = r.park_id AND i.register_id = r.register_id AND i.at >= %(start)s AND i.at < %(stop)s
) c
WHERE r.park_id = %(park_id)s
ORDER BY r.gateway, r.device, r.device_class, r.signal
