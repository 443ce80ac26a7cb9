-- Every park, or one, with what it has; counts come from the registry, not from readings.
SELECT p.park_id, p.park, p.district, p.name_zh, p.name_en, p.time_zone,
       coalesce(g.gateways, 0) AS gateways, coalesce(g.online, 0) AS gateways_online, coalesce(d.devices, 0) AS devices,
       coalesce(g.simulated, false) AS simulated
FROM public.parks p
LEFT JOIN (
    SELECT g.park, count(*) FILTER (WHERE NOT g.imported) AS gateways, count(*) FILTER (WHERE g.online) AS online,
           bool_or(g.simulated) AS simulated
    FROM public.gateways g
    WHERE %(park)s::text IS NULL OR g.park = %(park)s
    GROUP BY g.park
) g USING (park)
LEFT JOIN (
    SELECT d.park, count(*) AS devices
    FROM public.devices d
    WHERE (%(park)s::text IS NULL OR d.park = %(park)s) AND NOT d.retired AND d.device_class <> 'gateway'
    GROUP BY d.park
) d USING (park)
WHERE %(park)s::text IS NULL OR p.park = %(park)s
ORDER BY p.district, p.park
LIMIT %(limit)s
