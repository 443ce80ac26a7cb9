-- The registry of a park: what its gateways announced.
SELECT d.device_id, d.district, d.park, d.gateway, d.device, d.device_class, d.name, d.model, d.firmware,
       d.period_s::float8 AS period_s, d.ratings, d.signals, d.station, d.line, d.transformer, d.account,
       d.simulated, d.retired, (date_part('epoch', d.first_seen_at) * 1000)::bigint AS first_seen_ms
FROM public.devices d
WHERE d.park = %(park)s
ORDER BY d.gateway, d.device_class, d.device
