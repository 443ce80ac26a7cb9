-- Registers of a park, by the place of their address, whose quarter hours before an instant do not all have their row yet.
SELECT a.place
FROM unnest(%(gateways)s::text[], %(devices)s::text[], %(signals)s::text[])
    WITH ORDINALITY AS a (gateway, device, signal, place)
JOIN base.device AS d USING (gateway, device)
JOIN base.register AS r ON r.park_id = %(park_id)s AND r.device_id = d.device_id AND r.signal = a.signal
WHERE d.park = %(park)s AND NOT d.retired AND (r.settled_to IS NULL OR r.settled_to < %(until)s)
ORDER BY a.place
