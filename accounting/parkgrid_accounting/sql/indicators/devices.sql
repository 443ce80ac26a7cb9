-- The devices of a scope, or of several parks, with their nameplates; a weather station serves the whole park, however
-- the scope is narrowed.
SELECT park_id, device_id, gateway, device, device_class, period_s, ratings, retired,
    (date_part('epoch', first_seen_at) * 1000)::int8 AS first_seen_ms
FROM public.devices
WHERE park = ANY (%(parks)s::text[])
  AND (device_class = 'weather'
    OR (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
      AND (%(device)s::text IS NULL OR device = %(device)s)
      AND (%(line)s::text IS NULL OR line = %(line)s)
      AND (%(transformer)s::text IS NULL OR transformer = %(transformer)s)
      AND (%(account)s::text IS NULL OR account = %(account)s))
ORDER BY park, gateway, device, device_class
