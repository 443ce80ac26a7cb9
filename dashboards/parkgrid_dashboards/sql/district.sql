-- name: district_now
WITH newest AS (
    SELECT 'grid' AS flow, active_power_kw FROM {newest grid_meter: active_power_kw}
    UNION ALL
    SELECT 'pv', active_power_kw FROM {newest pv_inverter: active_power_kw}
    UNION ALL
    SELECT 'charging', active_power_kw FROM {newest charger: active_power_kw}
)
SELECT sum(active_power_kw) FILTER (WHERE flow = 'grid') AS grid,
       sum(active_power_kw) FILTER (WHERE flow = 'pv') AS pv,
       sum(active_power_kw) FILTER (WHERE flow = 'charging') AS charging
FROM newest

-- name: district_energy
-- indicators: consumption_kwh, self_sufficiency_ratio
WITH {whole used, imported: exported pv discharged charged}, consumed AS (
    SELECT *, imported - exported + pv + discharged - charged AS load FROM used
)
SELECT {figure consumption_kwh, consumed: load} AS consumption_kwh,
       CASE WHEN coverage_pct >= {least consumption_kwh} THEN pv END AS generated,
       {figure self_sufficiency_ratio, consumed: CASE WHEN load > 1e-9
           THEN least(greatest(1 - imported / load, 0), 1) END}
           AS self_sufficiency_ratio
FROM (SELECT) AS one LEFT JOIN consumed ON true

-- name: district_state
SELECT count(DISTINCT park)::float8 AS parks, count(*) FILTER (WHERE online)::float8 AS gateways_online,
       count(*) FILTER (WHERE NOT online)::float8 AS gateways_offline,
       extract(epoch FROM now() - min(last_seen_at))::float8 AS silent_s
FROM gateways
WHERE park IN (SELECT park FROM parks WHERE {scope park})

-- name: power_of_parks
SELECT "time", park AS metric, sum(kw) AS value
FROM (
    SELECT {bucket at} AS "time", device_id, avg(active_power_kw) AS kw
    FROM {rolled grid_meter: active_power_kw}
    GROUP BY 1, 2
) AS means JOIN devices USING (device_id)
GROUP BY 1, 2
ORDER BY 1

-- name: district_flows
SELECT {bucket at} AS "time",
       sum(energy_kwh) FILTER (WHERE device_class = 'grid_meter' AND signal = 'energy_import_kwh') AS import,
       sum(energy_kwh) FILTER (WHERE device_class = 'pv_inverter') AS generated,
       sum(energy_kwh) FILTER (WHERE device_class = 'storage' AND signal = 'energy_discharged_kwh') AS discharged,
       -sum(energy_kwh) FILTER (WHERE device_class = 'storage' AND signal = 'energy_charged_kwh') AS charged,
       -sum(energy_kwh) FILTER (WHERE device_class = 'grid_meter' AND signal = 'energy_export_kwh') AS export
FROM {energy}
GROUP BY 1
ORDER BY 1

-- name: park_list
-- One row a park, worst first: how long it has been silent, what it took and made, how much of its data is known.
WITH {whole used park, imported: exported pv discharged charged}, consumed AS (
    SELECT *, imported - exported + pv + discharged - charged AS load FROM used
), flows AS (
    SELECT park, sum(energy_kwh) FILTER (WHERE device_class = 'grid_meter' AND signal = 'energy_import_kwh') AS imported,
           sum(energy_kwh) FILTER (WHERE device_class = 'pv_inverter') AS generated,
           100 * count(*) FILTER (WHERE quality > 0) / count(*)::float8 AS coverage_pct
    FROM {energy}
    GROUP BY park
), seen AS (
    SELECT park, extract(epoch FROM now() - max(last_seen_at))::float8 AS silent_s FROM gateways GROUP BY park
)
SELECT p.park, p.{name} AS park_name, s.silent_s, f.imported AS import, f.generated,
       {figure self_sufficiency_ratio, c: CASE WHEN c.load > 1e-9
           THEN least(greatest(1 - c.imported / c.load, 0), 1) END}
           AS self_sufficiency_ratio,
       f.coverage_pct
FROM parks AS p
LEFT JOIN flows AS f USING (park)
LEFT JOIN consumed AS c ON c.pool = p.park
LEFT JOIN seen AS s USING (park)
WHERE {scope park p}
ORDER BY s.silent_s DESC NULLS FIRST, p.park
LIMIT 500
