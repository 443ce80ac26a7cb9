-- The registers of a park, narrowed by whatever is given, in the order in which they are listed.
SELECT r.park_id, r.register_id, r.gateway, r.device, r.device_class, r.signal, r.period_s, p.time_zone
FROM public.registers r
JOIN public.parks p USING (park_id)
WHERE p.park = %(park)s
  AND (%(gateway)s::text IS NULL OR r.gateway = %(gateway)s)
  AND (%(device)s::text IS NULL OR r.device = %(device)s)
  AND (%(device_class)s::text IS NULL OR r.device_class = %(device_class)s)
  AND (%(line)s::text IS NULL OR r.line = %(line)s)
  AND (%(transformer)s::text IS NULL OR r.transformer = %(transformer)s)
  AND (%(account)s::text IS NULL OR r.account = %(account)s)
  AND (%(signals)s::text[] IS NULL OR r.signal = ANY (%(signals)s))
  AND r.unit = %(unit)s
ORDER BY r.gateway, r.device, r.device_class, r.signal
