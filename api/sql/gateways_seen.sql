-- When the gateways of all parks were heard last, without what they said.
SELECT g.park, g.gateway, g.online, g.imported,
       (date_part('epoch', g.last_seen_at) * 1000)::bigint AS last_seen_ms,
       d.period_s::float8 AS health_period_s
FROM public.gateways g
LEFT JOIN public.devices d
       ON d.park = g.park AND d.gateway = g.gateway AND d.device = g.gateway AND d.device_class = 'gateway'
ORDER BY g.park, g.gateway
LIMIT %(limit)s
