-- What registers metered in each slot of a grid, their finer intervals summed up, and how many of those are known;
-- packed register by register. A slot of which nothing is known has no energy: 0 of 0 intervals.
SELECT m.register_id, string_agg(int8send(m.slot), '') AS slots, string_agg(int8send(m.energy_wh), '') AS energy_wh,
    string_agg(int8send(m.known), '') AS known, string_agg(int8send(m.estimated), '') AS estimated
FROM (
    SELECT i.register_id, ((date_part('epoch', i.at) * 1000)::int8 - %(start_ms)s) / %(period_ms)s AS slot,
        coalesce(sum(i.energy_wh), 0)::int8 AS energy_wh, count(i.energy_wh) AS known,
        bool_or(i.quality = 'estimated')::int4::int8 AS estimated
    FROM public.interval_energy AS i
    WHERE i.register_id = ANY (%(registers)s) AND i.at >= %(start)s AND i.at < %(stop)s
    GROUP BY i.register_id, slot
) AS m
GROUP BY m.register_id
