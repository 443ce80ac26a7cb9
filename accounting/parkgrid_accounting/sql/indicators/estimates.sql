-- Quarters of an hour in which a signal of a device holds estimates, packed; there are few of them.
SELECT e.device_id, e.signal, string_agg(int8send((date_part('epoch', e.at) * 1000)::int8), '') AS slots
FROM public.estimates AS e
WHERE e.device_id = ANY (%(devices)s) AND e.at > %(start)s::timestamptz - INTERVAL '15 minutes' AND e.at < %(stop)s
GROUP BY e.device_id, e.signal
