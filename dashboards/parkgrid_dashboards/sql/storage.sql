-- name: storage_now
SELECT avg(soc_pct) AS state_of_charge, sum(active_power_kw) AS storage,
       sum(charge_limit_kw) AS charge_limit, sum(discharge_limit_kw) AS discharge_limit
FROM {newest storage: soc_pct, active_power_kw, charge_limit_kw, discharge_limit_kw}

-- name: storage_energy
-- indicators: storage_round_trip_efficiency, storage_equivalent_full_cycles
WITH {whole flows, charged discharged:}, rated AS (
    SELECT sum((ratings ->> 'capacity_kwh')::float8) AS capacity_kwh
    FROM devices WHERE device_class = 'storage' AND NOT retired AND {scope device}
)
SELECT charged, discharged,
       {figure storage_round_trip_efficiency, flows: discharged / nullif(charged, 0)} AS storage_round_trip_efficiency,
       {figure storage_equivalent_full_cycles, flows: discharged / nullif(capacity_kwh, 0)} AS storage_equivalent_full_cycles
FROM rated LEFT JOIN flows ON true

-- name: soc_band
SELECT {bucket at} AS "time", device AS metric, avg(soc_pct) AS value
FROM {rolled storage: soc_pct} JOIN devices USING (device_id)
GROUP BY 1, 2
ORDER BY 1

-- name: storage_power
WITH means AS (
    SELECT {bucket at} AS "time", device_id, avg(active_power_kw) AS kw, avg(charge_limit_kw) AS charge_kw,
           avg(discharge_limit_kw) AS discharge_kw
    FROM {rolled storage: active_power_kw, charge_limit_kw, discharge_limit_kw}
    GROUP BY 1, 2
)
SELECT "time", sum(kw) AS storage, -sum(charge_kw) AS charge_limit, sum(discharge_kw) AS discharge_limit
FROM means
GROUP BY 1
ORDER BY 1

-- name: storage_flows
SELECT {bucket at} AS "time",
       sum(energy_kwh) FILTER (WHERE signal = 'energy_discharged_kwh') AS discharged,
       -sum(energy_kwh) FILTER (WHERE signal = 'energy_charged_kwh') AS charged
FROM {energy}
WHERE device_class = 'storage'
GROUP BY 1
ORDER BY 1

-- name: dc_side
SELECT {bucket at} AS "time", device AS metric, avg(dc_voltage_v) AS value
FROM {rolled storage: dc_voltage_v} JOIN devices USING (device_id)
GROUP BY 1, 2
ORDER BY 1

-- name: storage_days
-- One row a day of the park: what went in and out, and what came back of it.
SELECT to_char(at AT TIME ZONE time_zone, 'YYYY-MM-DD') AS day,
       sum(energy_kwh) FILTER (WHERE signal = 'energy_charged_kwh') AS charged,
       sum(energy_kwh) FILTER (WHERE signal = 'energy_discharged_kwh') AS discharged,
       {figure storage_round_trip_efficiency: sum(energy_kwh) FILTER (WHERE signal = 'energy_discharged_kwh')
           / nullif(sum(energy_kwh) FILTER (WHERE signal = 'energy_charged_kwh'), 0)} AS storage_round_trip_efficiency,
       min(coverage_pct) AS coverage_pct
FROM register_days AS d JOIN parks USING (park_id)
WHERE d.device_class = 'storage' AND {scope device d}
  AND at >= $__timeFrom()::timestamptz - INTERVAL '14 days' AND at < $__timeTo()
GROUP BY 1
ORDER BY 1 DESC
LIMIT 60
