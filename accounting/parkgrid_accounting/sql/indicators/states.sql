-- How many minutes of each slot a device told its state, how many readings they had, and in how many of them it was one
-- of those that are asked for; packed device by device.
SELECT m.device_id, string_agg(int8send(m.slot), '') AS slots, string_agg(int8send(m.known), '') AS known,
    string_agg(int8send(m.readings), '') AS readings, string_agg(int8send(m.matching), '') AS matching
FROM (
    SELECT r.device_id, ((date_part('epoch', r.at) * 1000)::int8 - %(start_ms)s) / %(period_ms)s AS slot,
        count(*) AS known, sum(r.samples)::int8 AS readings, count(*) FILTER (WHERE r.operating_state = ANY (%(states)s)) AS matching
    FROM unnest(%(parks)s::int4[], %(devices)s::int4[]) AS w (park_id, device_id)
    JOIN {relation} AS r USING (park_id, device_id)
    WHERE (%(park_id)s::int4 IS NULL OR r.park_id = %(park_id)s)
      AND r.at >= %(start)s AND r.at < %(stop)s AND r.operating_state IS NOT NULL
    GROUP BY r.device_id, slot
) AS m
GROUP BY m.device_id
