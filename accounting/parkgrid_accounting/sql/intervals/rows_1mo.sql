-- The energies of some registers by local month, register by register in the order given.
SELECT w.place::int4, (date_part('epoch', e.at) * 1000)::int8 AS at_ms,
       e.energy_kwh, e.good, e.estimated_intervals, e.missing_intervals, e.expected_intervals, e.coverage_pct,
       (date_part('epoch', e.revised_at) * 1000)::int8 AS revised_at_ms
FROM unnest(%(registers)s::int4[]) WITH ORDINALITY AS w(register_id, place)
JOIN public.energy_1mo e ON e.register_id = w.register_id
WHERE e.park_id = %(park_id)s AND e.register_id = ANY (%(registers)s::int4[]) AND e.at >= %(start)s AND e.at < %(stop)s
ORDER BY w.place, e.at
