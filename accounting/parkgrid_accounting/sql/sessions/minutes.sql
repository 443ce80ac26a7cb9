-- What chargers showed at the end of each minute; of the minutes in which nothing happened, only the first is told.
SELECT m.device_id, (date_part('epoch', m.at) * 1000)::int8 AS at_ms, m.state, m.session_count, m.delivered_kwh, m.session_kwh,
    m.power_kw, m.soc_pct
FROM (
    SELECT r.device_id, r.at, r.operating_state::int8 AS state, r.session_count_last::int8 AS session_count,
        r.energy_delivered_kwh_last AS delivered_kwh, r.session_energy_kwh_max AS session_kwh,
        r.active_power_kw_max AS power_kw, r.vehicle_soc_pct AS soc_pct,
        lag(r.operating_state::int8) OVER earlier AS state_before,
        lag(r.session_count_last::int8) OVER earlier AS count_before
    FROM public.charger_1m AS r
    WHERE r.park_id = %(park_id)s AND r.device_id = ANY (%(devices)s) AND r.at >= %(start)s AND r.at < %(stop)s
      AND r.operating_state IS NOT NULL
    WINDOW earlier AS (PARTITION BY r.device_id ORDER BY r.at)
) AS m
WHERE m.state = ANY (%(states)s) OR m.state_before IS DISTINCT FROM m.state OR m.state_before = ANY (%(states)s)
   OR m.session_count IS DISTINCT FROM m.count_before
ORDER BY m.device_id, m.at
