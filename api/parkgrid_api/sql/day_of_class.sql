SELECT {device_class} AS device_class, (date_part('epoch', r.at) * 1000)::bigint AS at_ms,
       sum(r.active_power_kw) AS kw, count(r.active_power_kw) AS reporting,
       sum(r.samples) FILTER (WHERE r.active_power_kw IS NOT NULL)::bigint AS samples,
       max(d.period_s)::float8 AS period_s
FROM device d
JOIN {relation} r USING (device_id)
WHERE r.park_id = %(park_id)s AND d.device_class = {device_class} AND r.at >= %(start)s AND r.at < %(stop)s
GROUP BY r.at
