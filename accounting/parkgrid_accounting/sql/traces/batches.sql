-- The batches that the readings of one signal of a device came in, by epoch of their gateway.
SELECT e.park, e.gateway, e.epoch, count(*) AS readings,
       range_agg(int8range(r.seq, r.seq, '[]'))::text AS batches,
       (date_part('epoch', min(r.received_at)) * 1000)::int8, (date_part('epoch', max(r.received_at)) * 1000)::int8
FROM {relation} r
JOIN public.gateway_epochs e USING (park_id, epoch_id)
WHERE r.park_id = %(park_id)s AND r.device_id = %(device)s AND r.at >= %(low)s AND r.at <= %(high)s
  AND (r.{signal} IS NOT NULL OR r.untrusted ? {name})
  AND (%(known_at)s::timestamptz IS NULL OR r.received_at <= %(known_at)s)
GROUP BY e.park, e.gateway, e.epoch
ORDER BY e.epoch
