-- The devices that addresses name and that are in use. Views alone are read, so that the login of the api may ask.
SELECT d.park_id, d.device_id, d.device_class, d.park, d.gateway, d.device
FROM unnest(%(parks)s::text[], %(gateways)s::text[], %(devices)s::text[]) AS a (park, gateway, device)
JOIN public.devices AS d USING (park, gateway, device)
WHERE NOT d.retired
