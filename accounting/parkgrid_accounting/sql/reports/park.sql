-- What a park is called, and whether readings of it come from simulated devices.
SELECT p.name_zh, p.name_en,
       coalesce((SELECT bool_or(g.simulated) FROM public.gateways g WHERE g.park = p.park), false) AS simulated
FROM public.parks p
WHERE p.park = %(park)s
