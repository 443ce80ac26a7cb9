-- The registers of devices, each with its first and last interval that is known: it counts from the one to the other.
SELECT r.register_id, r.device_id, r.signal, r.period_s, first.at_ms AS first_ms, last.at_ms AS last_ms
FROM public.registers AS r
LEFT JOIN LATERAL (
    SELECT (date_part('epoch', i.at) * 1000)::int8 AS at_ms
    FROM public.interval_energy AS i
    WHERE i.register_id = r.register_id AND i.energy_wh IS NOT NULL
    ORDER BY i.at LIMIT 1
) AS first ON true
LEFT JOIN LATERAL (
    SELECT (date_part('epoch', i.at) * 1000)::int8 AS at_ms
    FROM public.interval_energy AS i
    WHERE i.register_id = r.register_id AND i.energy_wh IS NOT NULL
    ORDER BY i.at DESC LIMIT 1
) AS last ON true
WHERE r.device_id = ANY (%(devices)s)
ORDER BY r.register_id
