-- Registers whose quarter hours before an instant do not all have their row yet.
SELECT a.park || '/' || a.gateway || '/' || a.device || '/' || a.signal
FROM unnest(%(parks)s::text[], %(gateways)s::text[], %(devices)s::text[], %(signals)s::text[])
    AS a (park, gateway, device, signal)
JOIN base.device AS d USING (park, gateway, device)
JOIN base.register AS r ON r.device_id = d.device_id AND r.signal = a.signal
WHERE NOT d.retired AND (r.settled_to IS NULL OR r.settled_to < %(until)s)
ORDER BY 1
