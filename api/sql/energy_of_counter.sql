-- What the registers of one class gained in a span; a register that ran backwards is counted, not summed.
SELECT {device_class} AS device_class, {name} AS signal, count(*) AS devices, count(last.reading) AS reporting,
       count(*) FILTER (WHERE last.reading < first.reading) AS resets,
       sum(last.reading - first.reading) FILTER (WHERE last.reading >= first.reading) AS kwh
FROM public.devices d
LEFT JOIN LATERAL (
    SELECT r.{signal} AS reading FROM {relation} r
    WHERE r.device_id = d.device_id AND r.at >= %(start)s AND r.at < %(stop)s AND r.{signal} IS NOT NULL
    ORDER BY r.at LIMIT 1
) first ON true
LEFT JOIN LATERAL (
    SELECT r.{signal} AS reading FROM {relation} r
    WHERE r.device_id = d.device_id AND r.at >= %(start)s AND r.at < %(stop)s AND r.{signal} IS NOT NULL
    ORDER BY r.at DESC LIMIT 1
) last ON true
WHERE d.park = %(park)s AND d.device_class = {device_class} AND NOT d.retired
