-- Energy over the chosen time, from the devices' own counters: last minus first of each device, then summed.
WITH counters AS (
    SELECT device_id, 'import' AS flow, max(energy_import_kwh_last) - min(energy_import_kwh_first) AS kwh
    FROM grid_meter_15m WHERE $__timeFilter(at) GROUP BY device_id
    UNION ALL
    SELECT device_id, 'export', max(energy_export_kwh_last) - min(energy_export_kwh_first)
    FROM grid_meter_15m WHERE $__timeFilter(at) GROUP BY device_id
    UNION ALL
    SELECT device_id, 'generated', max(energy_generated_kwh_last) - min(energy_generated_kwh_first)
    FROM pv_inverter_15m WHERE $__timeFilter(at) GROUP BY device_id
    UNION ALL
    SELECT device_id, 'charged', max(energy_charged_kwh_last) - min(energy_charged_kwh_first)
    FROM storage_15m WHERE $__timeFilter(at) GROUP BY device_id
    UNION ALL
    SELECT device_id, 'delivered', max(energy_delivered_kwh_last) - min(energy_delivered_kwh_first)
    FROM charger_15m WHERE $__timeFilter(at) GROUP BY device_id
)
SELECT sum(kwh) FILTER (WHERE flow = 'import') AS import,
       sum(kwh) FILTER (WHERE flow = 'export') AS export,
       sum(kwh) FILTER (WHERE flow = 'generated') AS generated,
       sum(kwh) FILTER (WHERE flow = 'charged') AS charged,
       sum(kwh) FILTER (WHERE flow = 'delivered') AS delivered
FROM counters JOIN devices USING (device_id)
WHERE park = ${park:sqlstring}
