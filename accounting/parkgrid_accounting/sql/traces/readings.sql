-- The raw readings of one signal of a device, packed: instant, steps, trust (0 not to be used, 1 good, 2 estimated), late.
SELECT string_agg(int8send((date_part('epoch', r.at) * 1000)::int8), ''::bytea ORDER BY r.at),
       string_agg(int8send(round(coalesce(r.{signal}, (r.untrusted ->> {name})::float8) * 1000)::int8), ''::bytea ORDER BY r.at),
       string_agg(int8send((CASE coalesce(r.flags ->> {name}, 'good')
           WHEN 'good' THEN 1 WHEN 'estimated' THEN 2 ELSE 0 END)::int8), ''::bytea ORDER BY r.at)
FROM {relation} r
WHERE r.park_id = %(park_id)s AND r.device_id = %(device)s AND r.at >= %(low)s AND r.at <= %(high)s
  AND (r.{signal} IS NOT NULL OR r.untrusted ? {name})
  AND (%(known_at)s::timestamptz IS NULL OR r.received_at <= %(known_at)s)
