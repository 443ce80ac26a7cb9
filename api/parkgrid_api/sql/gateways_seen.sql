-- When the gateways of all parks were heard last, without what they said.
SELECT g.park, g.gateway, g.online, g.imported,
       (date_part('epoch', g.last_seen_at) * 1000)::bigint AS last_seen_ms,
       (date_part('epoch', w.at) * 1000)::bigint AS clock_refused_ms,
       d.period_s::float8 AS health_period_s
FROM public.gateways g
LEFT JOIN public.devices d
       ON d.park = g.park AND d.gateway = g.gateway AND d.device = g.gateway AND d.device_class = 'gateway'
LEFT JOIN (
    -- Whose stamps are not believed at present; the bound keeps it to a few rows of an index.
    SELECT q.park, q.gateway, max(q.received_at) AS at FROM public.quarantine q
    WHERE q.received_at > now() - INTERVAL '15 s' AND q.reason IN ('time_in_future', 'time_too_old')
    GROUP BY q.park, q.gateway
) AS w ON w.park = g.park AND w.gateway = g.gateway
ORDER BY g.park, g.gateway
LIMIT %(limit)s
