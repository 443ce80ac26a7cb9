-- What every register of a park metered in a span, and how much of it is known.
SELECT r.gateway, r.device, d.name, r.device_class, r.signal, r.unit, r.account, r.period_s, e.energy_wh, e.estimated_wh,
       e.good, e.estimated, e.corrected, 100 * least(1, e.valid / nullif(e.expected, 0)::float8) AS coverage_pct
FROM public.registers r
JOIN public.devices d USING (park_id, device_id)
CROSS JOIN LATERAL (
    SELECT sum(i.energy_wh)::int8 AS energy_wh,
           coalesce(sum(i.energy_wh) FILTER (WHERE i.quality = 2), 0)::int8 AS estimated_wh,
           count(*) FILTER (WHERE i.quality = 1) AS good,
           count(*) FILTER (WHERE i.quality = 2) AS estimated,
           count(*) FILTER (WHERE i.revision > 1) AS corrected, sum(i.valid) AS valid, sum(i.expected) AS expected
    FROM public.energy_intervals i
    WHERE i.park_id = r.park_id AND i.register_id = r.register_id AND i.at >= %(start)s AND i.at < %(stop)s
) e
WHERE r.park_id = %(park_id)s
ORDER BY r.gateway, r.device, r.device_class, r.signal
