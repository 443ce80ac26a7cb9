-- The newest power of each device of one class in every park, as commits keep it.
SELECT d.park, d.gateway, d.device, d.device_class, d.name, d.period_s::float8 AS period_s, d.simulated,
       (date_part('epoch', r.at) * 1000)::bigint AS at_ms,
       (date_part('epoch', r.received_at) * 1000)::bigint AS received_ms,
       r.flags, jsonb_strip_nulls(jsonb_build_object({signals})) || coalesce(r.untrusted, jsonb_build_object()) AS signals
FROM public.devices d
LEFT JOIN {relation} r USING (park_id, device_id)
WHERE d.device_class = {device_class} AND NOT d.retired
