-- name: charging_now
SELECT count(*) FILTER (WHERE operating_state = 3)::float8 AS guns_charging,
       count(*) FILTER (WHERE operating_state = 4)::float8 AS guns_returning,
       count(*) FILTER (WHERE operating_state = 6)::float8 AS guns_faulty,
       count(*)::float8 AS guns, sum(active_power_kw) AS charging
FROM {newest charger: operating_state, active_power_kw}

-- name: charging_energy
-- indicators: charger_energy_utilisation_ratio
WITH flows AS (
    SELECT sum(energy_kwh) FILTER (WHERE signal = 'energy_delivered_kwh') AS delivered,
           coalesce(sum(energy_kwh) FILTER (WHERE signal = 'energy_returned_kwh'), 0) AS returned
    FROM {energy}
    WHERE device_class = 'charger'
), rated AS (
    SELECT sum((ratings ->> 'rated_power_kw')::float8)
           * extract(epoch FROM $__timeTo()::timestamptz - $__timeFrom()::timestamptz)::float8 / 3600 AS possible_kwh
    FROM devices WHERE device_class = 'charger' AND NOT retired AND {scope device}
)
SELECT delivered, returned,
       {figure charger_energy_utilisation_ratio: delivered / nullif(possible_kwh, 0)} AS charger_energy_utilisation_ratio
FROM flows CROSS JOIN rated

-- name: gun_power
SELECT {bucket at} AS "time", device AS metric, avg(active_power_kw) AS value
FROM {rolled charger: active_power_kw} JOIN devices USING (device_id)
GROUP BY 1, 2
ORDER BY 1

-- name: gun_states
SELECT {bucket at} AS "time", device AS metric, max(operating_state) AS value
FROM {rolled charger: operating_state} JOIN devices USING (device_id)
GROUP BY 1, 2
ORDER BY 1

-- name: site_power
-- All guns together against what they may draw.
WITH means AS (
    SELECT {bucket at} AS "time", device_id, avg(active_power_kw) AS kw, avg(limit_kw) AS limit_kw
    FROM {rolled charger: active_power_kw, limit_kw}
    GROUP BY 1, 2
)
SELECT "time", sum(kw) AS charging, sum(limit_kw) AS site_limit FROM means GROUP BY 1 ORDER BY 1

-- name: gun_energy
SELECT {bucket at} AS "time", device AS metric, sum(energy_kwh) AS value
FROM {energy}
WHERE device_class = 'charger' AND signal = 'energy_delivered_kwh'
GROUP BY 1, 2
ORDER BY 1

-- name: guns
-- One row a gun: its newest state and what it delivered in the chosen time.
WITH newest AS (
    SELECT park_id, device_id, operating_state, active_power_kw, vehicle_soc_pct
    FROM {newest charger: operating_state, active_power_kw, vehicle_soc_pct}
), delivered AS (
    SELECT gateway, device, sum(energy_kwh) AS kwh
    FROM {energy} WHERE device_class = 'charger' AND signal = 'energy_delivered_kwh'
    GROUP BY gateway, device
)
SELECT d.gateway, d.device, n.operating_state AS gun_state, n.active_power_kw AS charging, n.vehicle_soc_pct AS vehicle_soc,
       e.kwh AS delivered
FROM devices AS d
LEFT JOIN newest AS n USING (park_id, device_id)
LEFT JOIN delivered AS e USING (gateway, device)
WHERE d.device_class = 'charger' AND NOT d.retired AND {scope device d}
ORDER BY d.gateway, d.device
LIMIT 200
