-- Power of the park by flow, one row a minute: sources positive towards the bus, sinks positive away from it.
WITH readings AS (
    SELECT device_id, at, 'grid' AS flow, active_power_kw FROM grid_meter_1m WHERE $__timeFilter(at)
    UNION ALL
    SELECT device_id, at, 'pv', active_power_kw FROM pv_inverter_1m WHERE $__timeFilter(at)
    UNION ALL
    SELECT device_id, at, 'storage', active_power_kw FROM storage_1m WHERE $__timeFilter(at)
    UNION ALL
    SELECT device_id, at, 'load', active_power_kw FROM meter_1m WHERE $__timeFilter(at)
    UNION ALL
    SELECT device_id, at, 'charging', active_power_kw FROM charger_1m WHERE $__timeFilter(at)
)
SELECT at AS "time",
       sum(active_power_kw) FILTER (WHERE flow = 'grid') AS grid,
       sum(active_power_kw) FILTER (WHERE flow = 'pv') AS pv,
       sum(active_power_kw) FILTER (WHERE flow = 'storage') AS storage,
       sum(active_power_kw) FILTER (WHERE flow = 'load') AS load,
       sum(active_power_kw) FILTER (WHERE flow = 'charging') AS charging
FROM readings JOIN devices USING (device_id)
WHERE park = ${park:sqlstring}
GROUP BY at
ORDER BY at
