-- What registers of a park cannot have counted in a span, for a person to explain.
SELECT f.gateway, f.device, f.signal, f.kind, (date_part('epoch', f.at) * 1000)::int8 AS at_ms,
       (date_part('epoch', f.from_at) * 1000)::int8 AS from_ms, f.from_kwh AS from_register_kwh, f.kwh AS register_kwh,
       f.energy_kwh, f.readings
FROM public.register_findings f
WHERE f.park_id = %(park_id)s AND f.at >= %(start)s AND f.at < %(stop)s
ORDER BY f.at, f.gateway, f.device, f.signal
LIMIT %(limit)s
