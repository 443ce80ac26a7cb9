SELECT
    i.park, i.gateway, i.device, i.signal, (extract(epoch FROM i.at) * 1000)::int8, i.energy_kwh, i.quality,
    i.revision
FROM public.interval_energy AS i
WHERE i.park_id = ANY(%(parks)s) AND i.at >= %(start)s AND i.at < %(stop)s AND i.energy_kwh IS NOT NULL
ORDER BY i.park_id, i.register_id, i.at;
