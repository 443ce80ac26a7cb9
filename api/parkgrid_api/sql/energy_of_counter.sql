-- What the registers of one class gained in a day: as metered where the day of a register is whole, so that every view
-- shows the number that is paid for; else by its first and last reading. One that ran backwards is counted, not summed.
-- A device that never announced the register has none: it is not missing.
SELECT {device_class} AS device_class, {name} AS signal, count(*) AS devices,
       count(coalesce(metered.energy_kwh, last.reading)) AS reporting,
       count(*) FILTER (WHERE metered.energy_kwh IS NULL AND last.reading < first.reading) AS resets,
       sum(coalesce(metered.energy_kwh, last.reading - first.reading))
           FILTER (WHERE metered.energy_kwh IS NOT NULL OR last.reading >= first.reading) AS kwh
FROM public.devices d
LEFT JOIN LATERAL (
    SELECT e.energy_kwh FROM public.energy_1d e
    WHERE e.park = d.park AND e.gateway = d.gateway AND e.device = d.device AND e.signal = {name}
      AND e.at = %(start)s AND e.missing_intervals = 0
) metered ON true
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
WHERE d.park = %(park)s AND d.device_class = {device_class} AND NOT d.retired AND {name} = ANY (d.signals)
