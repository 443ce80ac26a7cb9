-- Spells without readings that touch a span, each with the part of the way that failed.
SELECT g.gateway, g.device, g.signal, (date_part('epoch', g.from_at) * 1000)::int8 AS from_ms,
       (date_part('epoch', g.to_at) * 1000)::int8 AS to_ms, g.cause
FROM public.data_gaps g
WHERE g.park_id = %(park_id)s AND g.from_at < %(stop)s AND g.to_at > %(start)s
ORDER BY g.from_at, g.gateway, g.device, g.signal
LIMIT %(limit)s
