-- The mean power of devices in each minute of a span; of several devices of one name the one in use.
WITH device AS (
    SELECT DISTINCT ON (a.place) a.place, d.device_id
    FROM unnest(%(parks)s::text[], %(gateways)s::text[], %(devices)s::text[])
        WITH ORDINALITY AS a (park, gateway, device, place)
    JOIN public.devices AS d USING (park, gateway, device)
    WHERE d.device_class = %(device_class)s
    ORDER BY a.place, d.retired, d.device_id DESC
)
SELECT d.place, r.at, r.active_power_kw
FROM device AS d
JOIN {relation} AS r ON r.device_id = d.device_id AND r.at >= %(start)s AND r.at < %(stop)s
WHERE r.active_power_kw IS NOT NULL
