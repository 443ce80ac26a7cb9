-- What registers metered in each slot of a grid, their finer intervals summed up, and how many of those are known.
SELECT i.register_id,
    ((extract(epoch FROM i.at) * 1000)::int8 - %(start_ms)s) / %(period_ms)s AS slot,
    sum(i.energy_wh)::int8 AS energy_wh, count(i.energy_wh) AS known, bool_or(i.quality = 'estimated') AS estimated
FROM public.interval_energy AS i
WHERE i.register_id = ANY (%(registers)s) AND i.at >= %(start)s AND i.at < %(stop)s
GROUP BY i.register_id, slot
