-- One that ran backwards is counted, not summed. A device that never announced the register has none: it is not missing.
SELECT {device_class} AS device_class, s.name AS signal, count(d.device_id) AS devices,
       count(coalesce(m.energy_kwh, last.reading)) AS reporting,
       count(*) FILTER (WHERE m.energy_kwh IS NULL AND last.reading < first.reading) AS resets,
       sum(coalesce(m.energy_kwh, last.reading - first.reading))
           FILTER (WHERE m.energy_kwh IS NOT NULL OR last.reading >= first.reading) AS kwh
FROM unnest({signals}::text[]) AS s (name)
LEFT JOIN device d ON d.device_class = {device_class} AND s.name = ANY (d.signals)
LEFT JOIN metered m ON m.device_id = d.device_id AND m.signal = s.name
LEFT JOIN LATERAL (
    SELECT {reading} AS reading FROM {relation} r
    WHERE r.park_id = %(park_id)s AND r.device_id = d.device_id AND r.at >= %(start)s AND r.at < %(stop)s
      AND {reading} IS NOT NULL AND m.energy_kwh IS NULL AND m.method IS DISTINCT FROM 'power'
    ORDER BY r.at LIMIT 1
) first ON true
LEFT JOIN LATERAL (
    SELECT {reading} AS reading FROM {relation} r
    WHERE r.park_id = %(park_id)s AND r.device_id = d.device_id AND r.at >= %(start)s AND r.at < %(stop)s
      AND {reading} IS NOT NULL AND m.energy_kwh IS NULL AND m.method IS DISTINCT FROM 'power'
    ORDER BY r.at DESC LIMIT 1
) last ON true
GROUP BY s.name
