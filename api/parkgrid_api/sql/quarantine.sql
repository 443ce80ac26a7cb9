-- What was refused, newest first, with the reason.
SELECT q.quarantine_id, (date_part('epoch', q.received_at) * 1000)::bigint AS received_ms,
       q.park, q.gateway, q.epoch, q.seq, q.device, q.reason, q.location, q.content, q.occurrences
FROM public.quarantine q
WHERE (%(park)s::text IS NULL OR q.park = %(park)s)
  AND (%(gateway)s::text IS NULL OR q.gateway = %(gateway)s)
  AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
  AND q.received_at >= %(start)s AND q.received_at < %(stop)s
ORDER BY q.received_at DESC, q.quarantine_id DESC
LIMIT %(limit)s
