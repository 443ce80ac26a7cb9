-- Of addresses of registers, by their place, those of grid meters, and whether their park has no other: then everything of
-- the park lies behind it, else everything of an account. What was announced as one before stays one: a gateway that calls
-- it something else now moves no wire.
SELECT DISTINCT a.place, NOT EXISTS (
    SELECT FROM public.devices AS o
    WHERE o.park = a.park AND o.device_class = 'grid_meter' AND NOT o.retired AND (o.gateway, o.device) <> (a.gateway, a.device)
)
FROM unnest(%(parks)s::text[], %(gateways)s::text[], %(devices)s::text[], %(signals)s::text[])
    WITH ORDINALITY AS a (park, gateway, device, signal, place)
JOIN public.devices AS d USING (park, gateway, device)
WHERE d.device_class = 'grid_meter'
