-- The newest row of each device of a park, as commits keep it. What is not trusted is shown with its flag.
WITH newest AS MATERIALIZED (
{classes}
)
SELECT d.gateway, d.device, d.device_class, d.name, d.period_s::float8 AS period_s, d.simulated,
       (date_part('epoch', r.at) * 1000)::bigint AS at_ms,
       (date_part('epoch', r.received_at) * 1000)::bigint AS received_ms,
       r.flags, r.signals
FROM public.devices d
LEFT JOIN newest r USING (device_id)
WHERE d.park = %(park)s AND d.park_id = %(park_id)s AND d.device_class = ANY ({names}::text[]) AND NOT d.retired
ORDER BY array_position({names}::text[], d.device_class), d.gateway, d.device
