-- The quarters of an hour in which values of one device's signals are estimates.
SELECT e.signal, (date_part('epoch', e.at) * 1000)::bigint AS at_ms
FROM public.estimates e
WHERE e.park_id = %(park_id)s AND e.device_id = %(device_id)s AND e.signal = ANY (%(signals)s)
  AND e.at > %(start)s::timestamptz - INTERVAL '15 minutes' AND e.at < %(stop)s
ORDER BY e.at
