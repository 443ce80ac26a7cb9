-- With which state the readings from each instant on can be judged: the latest one at or before it.
SELECT w.place::int4 - 1, b.at, b.belief
FROM unnest(%(registers)s::int4[], %(instants)s::int8[]) WITH ORDINALITY AS w (register_id, at_ms, place)
CROSS JOIN LATERAL (
    SELECT k.at, k.belief FROM base.register_belief AS k
    WHERE k.park_id = %(park_id)s AND k.register_id = w.register_id AND k.at <= to_timestamp(w.at_ms / 1000.0)
    ORDER BY k.at DESC
    LIMIT 1
) AS b
