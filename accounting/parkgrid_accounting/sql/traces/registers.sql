-- What a trace needs to know of registers, by number or by name.
SELECT r.park_id, r.register_id, r.device_id, r.park, r.gateway, r.device, r.device_class, r.signal, r.unit, r.period_s,
       r.method, d.period_s::float8 AS reading_s, (d.ratings ->> 'rated_power_kw')::float8 AS rated_kw,
       r.signal = ANY (d.signals) AS announced, (date_part('epoch', r.counted_from) * 1000)::int8 AS counted_ms,
       p.time_zone, p.latitude, p.longitude
FROM public.registers r
JOIN public.devices d USING (park_id, device_id)
JOIN public.parks p USING (park_id)
WHERE (%(registers)s::int4[] IS NULL OR r.register_id = ANY (%(registers)s))
  AND (%(park)s::text IS NULL OR p.park = %(park)s)
  AND (%(gateway)s::text IS NULL OR r.gateway = %(gateway)s)
  AND (%(device)s::text IS NULL OR r.device = %(device)s)
  AND (%(signal)s::text IS NULL OR r.signal = %(signal)s)
ORDER BY r.gateway, r.device, r.signal
