-- name: power_now
-- The newest minute of the last quarter of an hour of each device; what is older is not shown as power of now.
WITH newest AS (
    SELECT 'grid' AS flow, active_power_kw FROM {newest grid_meter: active_power_kw}
    UNION ALL
    SELECT 'pv', active_power_kw FROM {newest pv_inverter: active_power_kw}
    UNION ALL
    SELECT 'storage', active_power_kw FROM {newest storage: active_power_kw}
    UNION ALL
    SELECT 'charging', active_power_kw FROM {newest charger: active_power_kw}
)
SELECT sum(active_power_kw) FILTER (WHERE flow = 'grid') AS grid,
       sum(active_power_kw) FILTER (WHERE flow = 'pv') AS pv,
       sum(active_power_kw) FILTER (WHERE flow = 'storage') AS storage,
       sum(active_power_kw) FILTER (WHERE flow = 'charging') AS charging
FROM newest

-- name: ratios
-- indicators: consumption_kwh, self_consumption_ratio, self_sufficiency_ratio
WITH {whole used, imported: exported pv discharged charged}, {whole made, pv imported: exported}, consumed AS (
    SELECT coverage_pct, imported, imported - exported + pv + discharged - charged AS load FROM used
)
SELECT {figure consumption_kwh, consumed: load} AS consumption_kwh,
       {figure self_consumption_ratio, made: CASE WHEN pv > 1e-9 THEN least(greatest((pv - exported) / pv, 0), 1) END}
           AS self_consumption_ratio,
       {figure self_sufficiency_ratio, consumed: CASE WHEN load > 1e-9
           THEN least(greatest(1 - consumed.imported / load, 0), 1) END}
           AS self_sufficiency_ratio
FROM (SELECT) AS one LEFT JOIN consumed ON true LEFT JOIN made ON true

-- name: coverage
SELECT 100 * count(*) FILTER (WHERE quality > 0) / nullif(count(*), 0)::float8 AS coverage_pct,
       100 * count(*) FILTER (WHERE quality = 2) / nullif(count(*), 0)::float8 AS estimated_pct
FROM {energy}

-- name: power
-- Mean power of each flow; the roll-up is chosen by the width of the picture.
WITH readings AS (
    SELECT device_id, at, 'grid' AS flow, active_power_kw FROM {rolled grid_meter: active_power_kw}
    UNION ALL
    SELECT device_id, at, 'pv', active_power_kw FROM {rolled pv_inverter: active_power_kw}
    UNION ALL
    SELECT device_id, at, 'storage', active_power_kw FROM {rolled storage: active_power_kw}
    UNION ALL
    SELECT device_id, at, 'load', active_power_kw FROM {rolled meter: active_power_kw}
    UNION ALL
    SELECT device_id, at, 'charging', active_power_kw FROM {rolled charger: active_power_kw}
), means AS (
    SELECT {bucket at} AS "time", flow, device_id, avg(active_power_kw) AS kw FROM readings GROUP BY 1, 2, 3
)
SELECT "time",
       sum(kw) FILTER (WHERE flow = 'grid') AS grid,
       sum(kw) FILTER (WHERE flow = 'pv') AS pv,
       sum(kw) FILTER (WHERE flow = 'storage') AS storage,
       sum(kw) FILTER (WHERE flow = 'load') AS load,
       sum(kw) FILTER (WHERE flow = 'charging') AS charging
FROM means
GROUP BY "time"
ORDER BY "time"

-- name: energy
SELECT {bucket at} AS "time",
       sum(energy_kwh) FILTER (WHERE device_class = 'grid_meter' AND signal = 'energy_import_kwh') AS import,
       -sum(energy_kwh) FILTER (WHERE device_class = 'grid_meter' AND signal = 'energy_export_kwh') AS export,
       sum(energy_kwh) FILTER (WHERE device_class = 'pv_inverter') AS generated,
       sum(energy_kwh) FILTER (WHERE device_class = 'storage' AND signal = 'energy_discharged_kwh') AS discharged,
       -sum(energy_kwh) FILTER (WHERE device_class = 'storage' AND signal = 'energy_charged_kwh') AS charged
FROM {energy}
GROUP BY 1
ORDER BY 1

-- name: state_of_charge
SELECT {bucket at} AS "time", device AS metric, avg(soc_pct) AS value
FROM {rolled storage: soc_pct} JOIN devices USING (device_id)
GROUP BY 1, 2
ORDER BY 1

-- name: gateways
-- Every gateway of the park: whether it is there and how long ago it was heard.
SELECT gateway, CASE WHEN online THEN 1 ELSE 0 END AS online, agent_version,
       extract(epoch FROM now() - last_seen_at)::float8 AS silent_s, CASE WHEN simulated THEN 1 ELSE 0 END AS simulated
FROM gateways
WHERE {scope park}
ORDER BY online, gateway
LIMIT 200

-- name: sun
SELECT {bucket at} AS "time", avg(irradiance_plane_w_m2) AS irradiance, avg(module_temperature_c) AS module_temperature
FROM {rolled weather: irradiance_plane_w_m2, module_temperature_c}
GROUP BY 1
ORDER BY 1
