-- The registers of a park that each address names, the oldest first, how each is metered, and from when on its counter
-- answers, where power stood in for it before. There are several where a device was announced anew under another class.
-- Views alone are read, here and in the other questions of evidence, so that the login of the api may make a bundle as well.
SELECT a.place, r.register_id, r.method, floor(date_part('epoch', r.counted_from))::int8
FROM unnest(%(gateways)s::text[], %(devices)s::text[], %(signals)s::text[])
    WITH ORDINALITY AS a (gateway, device, signal, place)
JOIN public.registers AS r USING (gateway, device, signal)
WHERE r.park_id = %(park_id)s
ORDER BY a.place, r.register_id
