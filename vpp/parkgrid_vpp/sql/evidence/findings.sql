-- What registers of a park cannot have counted and nobody has explained yet, touching a stretch.
SELECT register_id, kind, floor(date_part('epoch', from_at))::int8, ceil(date_part('epoch', at))::int8
FROM public.register_findings
WHERE park_id = %(park_id)s AND register_id = ANY (%(registers)s) AND at >= %(start)s AND from_at < %(stop)s
ORDER BY register_id, at, kind
