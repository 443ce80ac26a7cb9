-- The intervals of registers in a span, packed register by register, each with the readings that bound it.
SELECT i.register_id, string_agg(
    int8send((date_part('epoch', i.at) * 1000)::int8)
    || int8send(coalesce(i.energy_wh, 0))
    || int8send((CASE i.quality WHEN 'good' THEN 1 WHEN 'estimated' THEN 2 ELSE 0 END)::int8)
    || int8send(coalesce((date_part('epoch', i.first_at) * 1000)::int8, -1))
    || int8send(coalesce(round(i.first_register_kwh * 1000)::int8, -1))
    || int8send(coalesce((date_part('epoch', i.last_at) * 1000)::int8, -1))
    || int8send(coalesce(round(i.last_register_kwh * 1000)::int8, -1)), ''::bytea)
FROM public.interval_energy AS i
WHERE i.park_id = %(park_id)s AND i.register_id = ANY (%(registers)s) AND i.at >= %(start)s AND i.at < %(stop)s
GROUP BY i.register_id
