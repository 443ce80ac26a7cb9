-- Gateways that had been told more than the database holds: it was restored from a backup. What came again since is not
-- subtracted; what cannot come again is in the gaps, with the cause 'restore'.
SELECT
    r.park, r.gateway, r.acked_epoch, r.acked_through, r.held_epoch, r.held_through,
    (date_part('epoch', r.held_at) * 1000)::bigint AS held_ms, (date_part('epoch', r.noted_at) * 1000)::bigint AS noted_ms
FROM public.store_restores r
WHERE (%(park)s::text IS NULL OR r.park = %(park)s)
  AND (%(gateway)s::text IS NULL OR r.gateway = %(gateway)s)
  AND r.noted_at >= %(start)s AND r.noted_at < %(stop)s
ORDER BY r.noted_at DESC, r.park, r.gateway
LIMIT %(limit)s
