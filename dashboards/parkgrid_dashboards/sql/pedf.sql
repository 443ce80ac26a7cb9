-- name: bus_now
SELECT avg(100 * voltage_v / nullif((ratings ->> 'nominal_voltage_v')::float8, 0)) AS voltage_share,
       sum(active_power_kw) AS bus_power, sum(target_power_kw) AS bus_target, max(ripple_v) AS ripple
FROM {newest dc_bus: voltage_v, active_power_kw, target_power_kw, ripple_v}

-- name: bus_quality
-- Share of minutes inside the band of normal operation, and distance from the plan; nothing where too little is known.
-- indicators: pedf_time_in_voltage_band_ratio, pedf_tracking_error_pct
WITH told AS (
    SELECT device_id, count(*) AS minutes, count(*) FILTER (WHERE share BETWEEN {band}) AS inside,
           sum(abs(active_power_kw - target_power_kw)) AS distance, sum(abs(target_power_kw)) AS planned
    FROM (
        SELECT device_id, active_power_kw, target_power_kw,
               100 * voltage_v / nullif((ratings ->> 'nominal_voltage_v')::float8, 0) AS share
        FROM dc_bus_1m AS m JOIN devices USING (device_id)
        WHERE {of dc_bus m} AND {during m.at}
    ) AS shares
    GROUP BY device_id
), known AS (
    SELECT sum(inside)::float8 / sum(minutes)::float8 AS inside, 100 * sum(distance) / nullif(sum(planned), 0) AS distance,
           100 * sum(minutes) / nullif(
               count(*) * extract(epoch FROM $__timeTo()::timestamptz - $__timeFrom()::timestamptz) / 60, 0
           ) AS pct
    FROM told
)
SELECT CASE WHEN pct >= {least pedf_time_in_voltage_band_ratio} THEN inside END AS pedf_time_in_voltage_band_ratio,
       CASE WHEN pct >= {least pedf_tracking_error_pct} THEN distance END AS pedf_tracking_error_pct
FROM known
WHERE pct IS NOT NULL

-- name: bus_voltage
SELECT {bucket at} AS "time", avg(voltage_v) AS voltage, avg(reference_voltage_v) AS reference_voltage
FROM {rolled dc_bus: voltage_v, reference_voltage_v}
GROUP BY 1
ORDER BY 1

-- name: bus_power
SELECT {bucket at} AS "time", avg(active_power_kw) AS bus_power, avg(target_power_kw) AS bus_target
FROM {rolled dc_bus: active_power_kw, target_power_kw}
GROUP BY 1
ORDER BY 1

-- name: bus_ripple
SELECT {bucket at} AS "time", device AS metric, max(ripple_v) AS value
FROM {rolled dc_bus: ripple_v} JOIN devices USING (device_id)
GROUP BY 1, 2
ORDER BY 1

-- name: bus_energy
SELECT {bucket at} AS "time",
       sum(energy_kwh) FILTER (WHERE signal = 'energy_import_kwh') AS import,
       -sum(energy_kwh) FILTER (WHERE signal = 'energy_export_kwh') AS export
FROM {energy}
WHERE device_class = 'dc_bus'
GROUP BY 1
ORDER BY 1

-- name: buses
SELECT gateway, device, name, (ratings ->> 'nominal_voltage_v')::float8 AS nominal_voltage,
       (ratings ->> 'rated_power_kw')::float8 AS rated_power
FROM devices
WHERE device_class = 'dc_bus' AND NOT retired AND {scope device}
ORDER BY gateway, device
LIMIT 200
