-- The stored intervals of some registers in a span, register by register in the order given.
SELECT w.place::int4, (date_part('epoch', i.at) * 1000)::int8 AS at_ms,
       i.energy_kwh, i.quality, i.expected, i.received, i.valid, i.estimated, i.late,
       (date_part('epoch', i.first_at) * 1000)::int8 AS first_at_ms, i.first_register_kwh,
       (date_part('epoch', i.last_at) * 1000)::int8 AS last_at_ms, i.last_register_kwh,
       i.revision, (date_part('epoch', i.changed_at) * 1000)::int8 AS changed_at_ms, i.cause, i.spread
FROM unnest(%(registers)s::int4[]) WITH ORDINALITY AS w(register_id, place)
JOIN public.interval_energy i ON i.register_id = w.register_id
WHERE i.park_id = %(park_id)s AND i.register_id = ANY (%(registers)s::int4[]) AND i.at >= %(start)s AND i.at < %(stop)s
ORDER BY w.place, i.at
