-- Quarters of an hour in which a signal of a device holds estimates, packed; there are few of them.
SELECT e.device_id, e.signal, string_agg(int8send((date_part('epoch', e.at) * 1000)::int8), '') AS slots
FROM unnest(%(parks)s::int4[], %(devices)s::int4[]) AS w (park_id, device_id)
JOIN public.estimates AS e USING (park_id, device_id)
WHERE (%(park_id)s::int4 IS NULL OR e.park_id = %(park_id)s)
  AND e.at > %(start)s::timestamptz - INTERVAL '15 minutes' AND e.at < %(stop)s
GROUP BY e.device_id, e.signal
