-- name: demand_now
-- The month of the end of the chosen time, in the park's own time, against the limit of the supply agreements.
-- indicators: maximum_demand_kw, load_factor, power_factor
WITH month AS (
    SELECT date_trunc('month', $__timeTo()::timestamptz, time_zone) AS start_at FROM parks WHERE park = ${park:sqlstring}
), intervals AS (
    SELECT i.at, i.period_s, r.signal, sum(i.energy_kwh) AS kwh, bool_and(i.energy_kwh IS NOT NULL) AS known,
           bool_or(i.quality = 2) AS estimated
    FROM registers AS r JOIN energy_intervals AS i USING (park_id, register_id) CROSS JOIN month AS m
    WHERE r.park = ${park:sqlstring} AND r.device_class = 'grid_meter'
      AND r.signal IN ('energy_import_kwh', 'reactive_energy_import_kvarh', 'reactive_energy_export_kvarh')
      AND i.at >= m.start_at AND i.at < $__timeTo()
    GROUP BY i.at, i.period_s, r.signal
), sums AS (
    SELECT max(kwh * 3600 / period_s) FILTER (WHERE signal = 'energy_import_kwh' AND known) AS highest_kw,
           max(kwh * 3600 / period_s) FILTER (WHERE signal = 'energy_import_kwh' AND known AND NOT estimated) AS good_kw,
           avg(kwh * 3600 / period_s) FILTER (WHERE signal = 'energy_import_kwh' AND known) AS mean_kw,
           sum(kwh) FILTER (WHERE signal = 'energy_import_kwh') AS active,
           sum(abs(kwh)) FILTER (WHERE signal <> 'energy_import_kwh') AS reactive
    FROM intervals
)
SELECT highest_kw AS maximum_demand_kw, good_kw AS good_maximum_kw, {limit} AS demand_limit,
       100 * highest_kw / {limit} AS demand_share,
       mean_kw / nullif(highest_kw, 0) AS load_factor,
       round((active / nullif(sqrt(active ^ 2 + reactive ^ 2), 0))::numeric, 2)::float8 AS power_factor
FROM sums

-- name: demand
-- Mean power of every quarter of an hour from the grid's registers, with the limit.
WITH quarters AS (
    SELECT at, sum(energy_kwh * 3600 / period_s) AS kw
    FROM {energy}
    WHERE device_class = 'grid_meter' AND signal = 'energy_import_kwh'
    GROUP BY at
)
SELECT {bucket at} AS "time", max(kw) AS demand, {limit} AS demand_limit
FROM quarters
GROUP BY 1
ORDER BY 1

-- name: month_peak
-- The highest demand of the month so far as a stair.
WITH month AS (
    SELECT date_trunc('month', $__timeTo()::timestamptz, time_zone) AS start_at FROM parks WHERE park = ${park:sqlstring}
), quarters AS (
    SELECT i.at, sum(i.energy_kwh * 3600 / i.period_s) AS kw
    FROM registers AS r JOIN energy_intervals AS i USING (park_id, register_id) CROSS JOIN month AS m
    WHERE r.park = ${park:sqlstring} AND r.device_class = 'grid_meter' AND r.signal = 'energy_import_kwh'
      AND i.at >= m.start_at AND i.at < $__timeTo()
    GROUP BY i.at
), hours AS (
    SELECT date_trunc('hour', at) AS at, max(kw) AS kw FROM quarters GROUP BY 1
)
SELECT at AS "time", max(kw) OVER (ORDER BY at) AS peak, {limit} AS demand_limit FROM hours ORDER BY 1

-- name: meter_power
SELECT {bucket at} AS "time", device AS metric, avg(active_power_kw) AS value
FROM (
    SELECT device_id, at, active_power_kw FROM {rolled grid_meter: active_power_kw}
    UNION ALL
    SELECT device_id, at, active_power_kw FROM {rolled meter: active_power_kw}
) AS readings JOIN devices USING (device_id)
GROUP BY 1, 2
ORDER BY 1

-- name: power_factors
SELECT {bucket at} AS "time", device AS metric, avg(power_factor) AS value
FROM {rolled grid_meter: power_factor} JOIN devices USING (device_id)
GROUP BY 1, 2
ORDER BY 1

-- name: registers
-- Every register: its first and last reading and the energy in between, with what is estimated and what is missing.
SELECT r.gateway, r.device, r.signal, r.unit, e.first_kwh AS first_register, e.last_kwh AS last_register, e.energy_kwh AS energy,
       e.estimated AS estimated_intervals, e.missing AS missing_intervals
FROM registers AS r
CROSS JOIN LATERAL (
    SELECT min(i.first_register_kwh) AS first_kwh, max(i.last_register_kwh) AS last_kwh, sum(i.energy_kwh) AS energy_kwh,
           count(*) FILTER (WHERE i.quality = 'estimated')::float8 AS estimated,
           count(*) FILTER (WHERE i.quality = 'missing')::float8 AS missing
    FROM interval_energy AS i
    WHERE i.park_id = r.park_id AND i.register_id = r.register_id AND {during i.at}
) AS e
WHERE r.device_class IN ('grid_meter', 'meter') AND {scope device r}
ORDER BY r.gateway, r.device, r.signal
LIMIT 200

-- name: agreements
SELECT account, plan_id, contracted_kw::float8 AS contracted, voltage_class, demand_basis,
       power_factor_standard::float8 AS power_factor_standard, valid_from::text AS valid_from
FROM supply_agreements
WHERE park = ${park:sqlstring}
ORDER BY account, agreement_id DESC
LIMIT 200
