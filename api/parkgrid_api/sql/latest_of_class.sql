-- The newest row of each device of one class, as commits keep it. What is not trusted is shown with its flag.
SELECT d.gateway, d.device, d.device_class, d.name, d.period_s::float8 AS period_s, d.simulated,
       (date_part('epoch', r.at) * 1000)::bigint AS at_ms,
       (date_part('epoch', r.received_at) * 1000)::bigint AS received_ms,
       r.flags,
       jsonb_strip_nulls(to_jsonb(r))
           - ARRAY['park_id', 'device_id', 'at', 'received_at', 'epoch_id', 'seq', 'flags', 'untrusted']
           || coalesce(r.untrusted, jsonb_build_object()) AS signals
FROM public.devices d
LEFT JOIN {relation} r USING (park_id, device_id)
WHERE d.park = %(park)s AND d.park_id = %(park_id)s AND d.device_class = {device_class} AND NOT d.retired
