-- The class of each device; of several of one name that of the one in use.
SELECT DISTINCT ON (a.place) a.place, d.device_class
FROM unnest(%(parks)s::text[], %(gateways)s::text[], %(devices)s::text[])
    WITH ORDINALITY AS a (park, gateway, device, place)
JOIN public.devices AS d USING (park, gateway, device)
ORDER BY a.place, d.retired, d.device_id DESC
