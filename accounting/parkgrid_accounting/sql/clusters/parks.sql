-- What parks are called, and whether readings of them come from simulated devices.
SELECT p.park, p.name_zh, p.name_en,
       coalesce((SELECT bool_or(g.simulated) FROM public.gateways g WHERE g.park = p.park), false) AS simulated
FROM public.parks p
ORDER BY p.park
