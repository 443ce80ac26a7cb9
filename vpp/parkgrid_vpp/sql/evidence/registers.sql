-- The register that each address names, and how it is metered; of several devices of one name the one in use. Views
-- alone are read, here and in the other questions of evidence, so that the login of the api may make a bundle as well.
SELECT DISTINCT ON (a.place) a.place, r.register_id, r.method
FROM unnest(%(parks)s::text[], %(gateways)s::text[], %(devices)s::text[], %(signals)s::text[])
    WITH ORDINALITY AS a (park, gateway, device, signal, place)
JOIN public.registers AS r USING (park, gateway, device, signal)
JOIN public.devices AS d USING (device_id)
ORDER BY a.place, d.retired, r.register_id DESC
