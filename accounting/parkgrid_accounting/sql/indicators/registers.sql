-- The registers of devices, each with its first and last interval that is known: it counts from the one to the other.
SELECT r.register_id, r.device_id, r.signal, r.period_s, first.at_ms AS first_ms, last.at_ms AS last_ms
FROM unnest(%(parks)s::int4[], %(devices)s::int4[]) AS w (park_id, device_id)
JOIN public.registers AS r USING (park_id, device_id)
LEFT JOIN LATERAL (
    SELECT (date_part('epoch', i.at) * 1000)::int8 AS at_ms
    FROM public.energy_intervals AS i
    WHERE i.park_id = r.park_id AND i.register_id = r.register_id AND i.energy_wh IS NOT NULL
    ORDER BY i.at LIMIT 1
) AS first ON true
LEFT JOIN LATERAL (
    SELECT (date_part('epoch', i.at) * 1000)::int8 AS at_ms
    FROM public.energy_intervals AS i
    WHERE i.park_id = r.park_id AND i.register_id = r.register_id AND i.energy_wh IS NOT NULL
    ORDER BY i.at DESC LIMIT 1
) AS last ON true
WHERE %(park_id)s::int4 IS NULL OR r.park_id = %(park_id)s
ORDER BY r.register_id
