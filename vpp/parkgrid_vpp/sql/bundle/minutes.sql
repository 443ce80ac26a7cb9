-- The mean power of a park's devices, minute by minute, in W.
WITH asked AS MATERIALIZED (
    SELECT d.device_id, d.park || '/' || d.gateway || '/' || d.device AS name
    FROM unnest(%(gateways)s::text[], %(devices)s::text[]) AS a (gateway, device)
    JOIN public.devices AS d USING (gateway, device)
    WHERE d.park = %(park)s
), minute AS (
    SELECT device_id, at, active_power_kw FROM public.grid_meter_1m
    WHERE park_id = %(park_id)s AND at >= %(start)s AND at < %(stop)s
    UNION ALL
    SELECT device_id, at, active_power_kw FROM public.meter_1m
    WHERE park_id = %(park_id)s AND at >= %(start)s AND at < %(stop)s
    UNION ALL
    SELECT device_id, at, active_power_kw FROM public.storage_1m
    WHERE park_id = %(park_id)s AND at >= %(start)s AND at < %(stop)s
    UNION ALL
    SELECT device_id, at, active_power_kw FROM public.charger_1m
    WHERE park_id = %(park_id)s AND at >= %(start)s AND at < %(stop)s
    UNION ALL
    SELECT device_id, at, active_power_kw FROM public.pv_inverter_1m
    WHERE park_id = %(park_id)s AND at >= %(start)s AND at < %(stop)s
    UNION ALL
    SELECT device_id, at, active_power_kw FROM public.dc_bus_1m
    WHERE park_id = %(park_id)s AND at >= %(start)s AND at < %(stop)s
)
SELECT a.name, m.at, round(m.active_power_kw * 1000)::int8
FROM asked AS a
JOIN minute AS m USING (device_id)
WHERE m.active_power_kw IS NOT NULL
