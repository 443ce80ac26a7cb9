-- The mean of one gauge in each slot, packed device by device; buckets weigh by their readings.
SELECT m.device_id, string_agg(int8send(m.slot), '') AS slots, string_agg(float8send(m.mean), '') AS means
FROM (
    SELECT r.device_id, ((date_part('epoch', r.at) * 1000)::int8 - %(start_ms)s) / %(period_ms)s AS slot,
        sum(r.{signal} * r.samples) / sum(r.samples) AS mean
    FROM unnest(%(parks)s::int4[], %(devices)s::int4[]) AS w (park_id, device_id)
    JOIN {relation} AS r USING (park_id, device_id)
    WHERE (%(park_id)s::int4 IS NULL OR r.park_id = %(park_id)s)
      AND r.at >= %(start)s AND r.at < %(stop)s AND r.{signal} IS NOT NULL
    GROUP BY r.device_id, slot
) AS m
GROUP BY m.device_id
