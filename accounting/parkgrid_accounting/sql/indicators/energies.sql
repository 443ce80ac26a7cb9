-- What registers metered in each slot of a grid, their finer intervals summed up, and how many of those are known;
-- packed register by register. A slot of which nothing is known has no energy: 0 of 0 intervals.
SELECT m.register_id, string_agg(int8send(m.slot), '') AS slots, string_agg(int8send(m.energy_wh), '') AS energy_wh,
    string_agg(int8send(m.known), '') AS known, string_agg(int8send(m.estimated), '') AS estimated
FROM (
    SELECT i.register_id, ((date_part('epoch', i.at) * 1000)::int8 - %(start_ms)s) / %(period_ms)s AS slot,
        coalesce(sum(i.energy_wh), 0)::int8 AS energy_wh, count(i.energy_wh) AS known,
        bool_or(i.quality = 2)::int4::int8 AS estimated
    FROM unnest(%(parks)s::int4[], %(registers)s::int4[]) AS w (park_id, register_id)
    JOIN public.energy_intervals AS i USING (park_id, register_id)
    WHERE (%(park_id)s::int4 IS NULL OR i.park_id = %(park_id)s) AND i.at >= %(start)s AND i.at < %(stop)s
    GROUP BY i.register_id, slot
) AS m
GROUP BY m.register_id
