-- Of addresses of registers, by their place, those of grid meters: behind one lies everything of an account.
SELECT DISTINCT a.place
FROM unnest(%(parks)s::text[], %(gateways)s::text[], %(devices)s::text[], %(signals)s::text[])
    WITH ORDINALITY AS a (park, gateway, device, signal, place)
JOIN public.devices AS d USING (park, gateway, device)
WHERE d.device_class = 'grid_meter' AND NOT d.retired
