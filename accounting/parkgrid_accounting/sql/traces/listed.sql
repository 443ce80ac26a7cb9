-- The readings of one signal of a device, one by one, each with the batch that it came in.
SELECT (date_part('epoch', r.at) * 1000)::int8, coalesce(r.{signal}, (r.untrusted ->> {name})::float8), coalesce(r.flags ->> {name}, 'good'),
       (date_part('epoch', r.received_at) * 1000)::int8, e.epoch, r.seq
FROM {relation} r
JOIN public.gateway_epochs e USING (park_id, epoch_id)
WHERE r.park_id = %(park_id)s AND r.device_id = %(device)s AND r.at >= %(low)s AND r.at <= %(high)s
  AND (r.{signal} IS NOT NULL OR r.untrusted ? {name})
  AND (%(known_at)s::timestamptz IS NULL OR r.received_at <= %(known_at)s)
ORDER BY r.at
LIMIT %(most)s
