-- The stored intervals of a register in a span; one of them in a former revision where that is asked for.
SELECT (date_part('epoch', at) * 1000)::int8, energy_wh, quality, expected, received, valid, estimated, late,
       (date_part('epoch', first_at) * 1000)::int8, first_register_kwh,
       (date_part('epoch', last_at) * 1000)::int8, last_register_kwh, revision, changed_at, cause, spread
FROM public.interval_energy
WHERE park_id = %(park_id)s AND register_id = %(register)s AND at >= %(start)s AND at < %(stop)s
  AND (%(revision)s::int4 IS NULL OR revision = %(revision)s)
UNION ALL
SELECT (date_part('epoch', at) * 1000)::int8, energy_wh, quality, expected, received, valid, estimated, late,
       (date_part('epoch', first_at) * 1000)::int8, first_register_kwh,
       (date_part('epoch', last_at) * 1000)::int8, last_register_kwh, revision, changed_at, cause, spread
FROM public.interval_energy_revisions
WHERE park_id = %(park_id)s AND register_id = %(register)s AND at >= %(start)s AND at < %(stop)s
  AND revision = %(revision)s
ORDER BY 1
