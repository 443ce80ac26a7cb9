-- The newest power of each device of every park, as commits keep it; in columns, since parsing JSON would take longer.
SELECT d.park, d.gateway, d.device, d.device_class, d.name, d.period_s::float8 AS period_s, d.simulated,
       (date_part('epoch', r.at) * 1000)::bigint AS at_ms,
       (date_part('epoch', r.received_at) * 1000)::bigint AS received_ms,
       r.flags, r.active_power_kw, r.soc_pct, r.untrusted
FROM public.devices d
LEFT JOIN (
{classes}
) r USING (park_id, device_id)
WHERE d.device_class = ANY ({names}::text[]) AND NOT d.retired
