-- The registers of chargers, with what metering knows of each.
SELECT r.register_id, r.device_id, r.signal, r.period_s, r.method, d.period_s::float8 AS reading_s,
    (d.ratings ->> 'rated_power_kw')::float8 AS rated_kw,
    -- what is declared of a counter is not about the power that stands in for it
    r.method = 'power' AND r.signal = ANY (d.signals) AS stands_in
FROM public.registers AS r
JOIN public.devices AS d USING (park_id, device_id)
WHERE r.park_id = %(park_id)s AND r.device_id = ANY (%(devices)s)
