-- Every park with what it has; counts come from the registry, not from readings.
SELECT p.park_id, p.park, p.district, p.name_zh, p.name_en, p.time_zone,
       (SELECT count(*) FROM public.gateways g WHERE g.park = p.park AND NOT g.imported) AS gateways,
       (SELECT count(*) FROM public.gateways g WHERE g.park = p.park AND g.online) AS gateways_online,
       (SELECT count(*) FROM public.devices d
         WHERE d.park = p.park AND NOT d.retired AND d.device_class <> 'gateway') AS devices,
       (SELECT coalesce(bool_or(g.simulated), false) FROM public.gateways g WHERE g.park = p.park) AS simulated
FROM public.parks p
ORDER BY p.district, p.park
LIMIT %(limit)s
