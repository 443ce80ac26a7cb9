-- Sequence numbers that never came: the outbox dropped them by its stated policy, or a restore lost them.
SELECT s.park, s.gateway, s.epoch, s.first_seq, s.last_seq, (date_part('epoch', s.noted_at) * 1000)::bigint AS noted_ms, s.cause
FROM public.sequence_gaps s
WHERE (%(park)s::text IS NULL OR s.park = %(park)s)
  AND (%(gateway)s::text IS NULL OR s.gateway = %(gateway)s)
  AND s.noted_at >= %(start)s AND s.noted_at < %(stop)s
ORDER BY s.noted_at DESC
LIMIT %(limit)s
