-- What keeps devices from being read until a person mends it.
SELECT p.park, p.gateway, p.device, p.device_class, p.problem
FROM public.device_problems p
WHERE %(park)s::text IS NULL OR p.park = %(park)s
ORDER BY p.park, p.gateway, p.device
LIMIT %(limit)s
