-- The newest power of each device of one class in every park: LATERAL ... LIMIT 1 reads one index entry a device.
SELECT d.park, d.gateway, d.device, d.device_class, d.name, d.period_s::float8 AS period_s, d.simulated,
       (date_part('epoch', latest.at) * 1000)::bigint AS at_ms,
       (date_part('epoch', latest.received_at) * 1000)::bigint AS received_ms,
       latest.flags, jsonb_strip_nulls(jsonb_build_object({signals})) || coalesce(latest.untrusted, jsonb_build_object()) AS signals
FROM public.devices d
LEFT JOIN LATERAL (
    SELECT r.* FROM {relation} r WHERE r.device_id = d.device_id ORDER BY r.at DESC LIMIT 1
) latest ON true
WHERE d.device_class = {device_class} AND NOT d.retired
