-- The gateways and what they last said about themselves.
SELECT g.park, g.gateway, g.online, g.epoch, g.agent_version, g.simulated, g.imported,
       (date_part('epoch', g.birth_at) * 1000)::bigint AS birth_ms,
       (date_part('epoch', g.last_seen_at) * 1000)::bigint AS last_seen_ms,
       (date_part('epoch', g.status_at) * 1000)::bigint AS status_ms,
       (date_part('epoch', r.at) * 1000)::bigint AS health_at_ms,
       (date_part('epoch', w.at) * 1000)::bigint AS clock_refused_ms,
       d.period_s::float8 AS health_period_s,
       coalesce(
           jsonb_strip_nulls(to_jsonb(r))
               - ARRAY['park_id', 'device_id', 'at', 'received_at', 'epoch_id', 'seq', 'flags', 'untrusted']
               || coalesce(r.untrusted, jsonb_build_object()),
           jsonb_build_object()
       ) AS health
FROM public.gateways g
LEFT JOIN public.devices d
       ON d.park = g.park AND d.gateway = g.gateway AND d.device = g.gateway AND d.device_class = 'gateway'
LEFT JOIN public.gateway_newest r
       ON r.park_id = d.park_id AND r.device_id = d.device_id AND (%(park_id)s::int4 IS NULL OR r.park_id = %(park_id)s)
LEFT JOIN (
    -- Whose stamps are not believed at present; the bound keeps it to a few rows of an index.
    SELECT q.park, q.gateway, max(q.received_at) AS at FROM public.quarantine q
    WHERE q.received_at > now() - INTERVAL '15 s' AND q.reason IN ('time_in_future', 'time_too_old')
    GROUP BY q.park, q.gateway
) AS w ON w.park = g.park AND w.gateway = g.gateway
WHERE %(park)s::text IS NULL OR g.park = %(park)s
ORDER BY g.park, g.gateway
LIMIT %(limit)s
