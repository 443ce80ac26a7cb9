-- The device that an address names, and its class; of several of one name the one in use.
SELECT d.device_class, d.park_id, d.device_id
FROM public.devices AS d
WHERE d.park = %(park)s AND d.gateway = %(gateway)s AND d.device = %(device)s
ORDER BY d.retired, d.device_id DESC
LIMIT 1
