-- The readings of chargers in some spans, each span with the reading before it, packed span by span. `low` and `high` bound
-- all spans and `before` what is looked for before them, so that only their partitions or chunks are looked at.
SELECT string_agg(n.packed, ''::bytea)
FROM unnest(%(devices)s::int4[], %(starts)s::timestamptz[], %(stops)s::timestamptz[])
    WITH ORDINALITY AS w (device_id, start, stop, place)
CROSS JOIN LATERAL (
    SELECT int8send(w.device_id::int8) || int8send((date_part('epoch', r.at) * 1000)::int8) || {packed} AS packed
    FROM (
        (SELECT c.at, c.flags, {signals} FROM public.charger AS c
         WHERE c.park_id = %(park_id)s AND c.device_id = w.device_id AND c.at >= w.start AND c.at < w.stop
           AND c.at >= %(low)s AND c.at < %(high)s)
        UNION ALL
        (SELECT c.at, c.flags, {signals} FROM public.charger AS c
         WHERE c.park_id = %(park_id)s AND c.device_id = w.device_id AND c.at < w.start AND c.at >= %(before)s
           AND c.at < %(high)s AND c.operating_state IS NOT NULL
           AND coalesce(c.flags ->> 'operating_state', 'good') IN ('good', 'estimated')
         ORDER BY c.at DESC LIMIT 1)
    ) AS r
) AS n
