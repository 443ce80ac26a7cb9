-- The newest row of each device of one class: LATERAL ... LIMIT 1 reads one index entry a device. What is not trusted is
-- shown with its flag.
SELECT d.gateway, d.device, d.device_class, d.name, d.period_s::float8 AS period_s, d.simulated,
       (date_part('epoch', latest.at) * 1000)::bigint AS at_ms,
       (date_part('epoch', latest.received_at) * 1000)::bigint AS received_ms,
       latest.flags, latest.signals
FROM public.devices d
LEFT JOIN LATERAL (
    SELECT r.at, r.received_at, r.flags,
           jsonb_strip_nulls(to_jsonb(r))
               - ARRAY['device_id', 'at', 'received_at', 'epoch_id', 'seq', 'flags', 'untrusted']
               || coalesce(r.untrusted, jsonb_build_object()) AS signals
    FROM {relation} r
    WHERE r.device_id = d.device_id
    ORDER BY r.at DESC
    LIMIT 1
) latest ON true
WHERE d.park = %(park)s AND d.device_class = {device_class} AND NOT d.retired
