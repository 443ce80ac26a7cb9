-- The quarter hours of a park's registers within spans, packed register by register: 8 numbers of 8 bytes each. Every
-- register and span is a search of its own in the primary key (park, register, instant), whatever the planner thinks of the
-- rest: the table is never scanned. A value that is not there is the smallest number. With `as_of`, as they were known then.
-- Registers count in Wh, so a view's kWh are whole Wh again when they are rounded.
SELECT k.register_id, string_agg(p.packed, ''::bytea)
FROM unnest(%(registers)s::int4[]) AS k (register_id)
CROSS JOIN unnest(%(starts)s::timestamptz[], %(stops)s::timestamptz[]) AS s (start, stop)
CROSS JOIN LATERAL (
    SELECT string_agg(
        int8send(date_part('epoch', i.at)::int8) || int8send(i.revision)
        || int8send(CASE i.quality WHEN 'good' THEN 1 WHEN 'estimated' THEN 2 ELSE 0 END)
        || int8send(coalesce(i.energy_wh, %(none)s))
        || int8send(coalesce((date_part('epoch', i.first_at) * 1000)::int8, %(none)s))
        || int8send(coalesce(round(i.first_register_kwh * 1000)::int8, %(none)s))
        || int8send(coalesce((date_part('epoch', i.last_at) * 1000)::int8, %(none)s))
        || int8send(coalesce(round(i.last_register_kwh * 1000)::int8, %(none)s)), ''::bytea
    ) AS packed
    FROM (
        SELECT at, revision, quality, energy_wh, first_at, first_register_kwh, last_at, last_register_kwh
        FROM public.interval_energy
        WHERE park_id = %(park_id)s AND register_id = k.register_id AND at >= s.start AND at < s.stop AND period_s = 900
          AND (%(as_of)s::timestamptz IS NULL OR changed_at <= %(as_of)s::timestamptz)
        UNION ALL
        SELECT at, revision, quality, energy_wh, first_at, first_register_kwh, last_at, last_register_kwh
        FROM public.interval_energy_revisions
        WHERE park_id = %(park_id)s AND register_id = k.register_id AND at >= s.start AND at < s.stop AND period_s = 900
          AND changed_at <= %(as_of)s::timestamptz AND superseded_at > %(as_of)s::timestamptz
    ) AS i
) AS p
WHERE p.packed IS NOT NULL
GROUP BY k.register_id
