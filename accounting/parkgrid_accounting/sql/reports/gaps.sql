-- How often and how long readings were missing in a span, by the part of the way that failed.
SELECT g.cause, count(*), sum(extract(epoch FROM least(g.to_at, %(stop)s) - greatest(g.from_at, %(start)s)))::float8
FROM public.data_gaps g
WHERE g.park_id = %(park_id)s AND g.from_at < %(stop)s AND g.to_at > %(start)s
GROUP BY g.cause
ORDER BY g.cause
