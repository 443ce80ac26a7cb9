-- What the registers of each account metered in each month of the park's own time, from their days. A register without
-- any row counts as missing, unless its device was retired or had not been seen yet.
SELECT w.park, w.account, w.device_class, w.signal, w.month, count(*) AS registers,
       sum(i.energy_wh)::int8 AS energy_wh, coalesce(sum(i.known_s), 0)::int8 AS known_s,
       coalesce(sum(i.estimated_s), 0)::int8 AS estimated_s,
       sum(extract(epoch FROM w.end_at - w.start_at))::int8 AS expected_s
FROM (
    SELECT r.park_id, r.register_id, r.park, r.account, r.device_class, r.signal, m.month, d.retired, d.first_seen_at,
           m.month::timestamp AT TIME ZONE p.time_zone AS start_at,
           (m.month + INTERVAL '1 month') AT TIME ZONE p.time_zone AS end_at
    FROM public.registers AS r
    JOIN public.devices AS d USING (park_id, device_id)
    JOIN public.parks AS p USING (park_id)
    CROSS JOIN unnest(%(months)s::date[]) AS m (month)
    WHERE (r.device_class, r.signal) IN (SELECT * FROM unnest(%(classes)s::text[], %(signals)s::text[]))
) AS w
CROSS JOIN LATERAL (
    SELECT sum(e.energy_wh) AS energy_wh, sum((e.good + e.estimated_intervals) * e.period_s) AS known_s,
           sum(e.estimated_intervals * e.period_s) AS estimated_s, count(*) AS days
    FROM public.register_days AS e
    WHERE e.park_id = w.park_id AND e.register_id = w.register_id AND e.at >= w.start_at AND e.at < w.end_at
) AS i
WHERE i.days > 0 OR NOT (w.retired OR w.first_seen_at >= w.end_at)
GROUP BY w.park, w.account, w.device_class, w.signal, w.month
ORDER BY w.park, w.account, w.device_class, w.signal, w.month
