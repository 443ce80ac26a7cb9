-- How often each reason occurred in a span.
SELECT q.reason, sum(q.occurrences)::bigint AS occurrences
FROM public.quarantine q
WHERE (%(park)s::text IS NULL OR q.park = %(park)s)
  AND (%(gateway)s::text IS NULL OR q.gateway = %(gateway)s)
  AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
  AND q.received_at >= %(start)s AND q.received_at < %(stop)s
GROUP BY q.reason
ORDER BY occurrences DESC, q.reason
