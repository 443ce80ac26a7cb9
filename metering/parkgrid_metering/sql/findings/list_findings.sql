SELECT f.park || '/' || f.gateway || '/' || f.device || '/' || f.signal, f.kind, f.at, f.from_at, f.from_kwh, f.kwh,
    f.energy_kwh, f.readings, f.found_at
FROM public.register_findings AS f
WHERE f.park_id = ANY(%(parks)s)
ORDER BY f.at, f.register_id
