-- The readings of a device that is new come with their notes; one that is known may have said a new signal before. What is
-- known is hashed, whatever the planner expects of a park: joined row by row, a thousand registers cost it a million.
WITH known AS MATERIALIZED (
    SELECT device_id, signal FROM base.register WHERE park_id = %(park_id)s
)
INSERT INTO base.register (park_id, device_id, signal, period_s, method, sought_from)
SELECT d.park_id, d.device_id, c.signal,
    CASE WHEN d.period_s <= 900 THEN 900 WHEN d.period_s <= 1800 THEN 1800 WHEN d.period_s <= 3600 THEN 3600 ELSE 86400 END,
    c.method,
    CASE WHEN d.device_id NOT IN (SELECT device_id FROM known) THEN %(never)s::timestamptz END
FROM base.device AS d
JOIN (
    SELECT device_class, signal, power, 'register' AS method
    FROM unnest(%(classes)s::text[], %(signals)s::text[], %(powers)s::text[]) AS v (device_class, signal, power)
    UNION ALL
    SELECT device_class, signal, power, 'power'
    FROM unnest(%(classes)s::text[], %(signals)s::text[], %(powers)s::text[]) AS v (device_class, signal, power)
) AS c USING (device_class)
WHERE d.park_id = %(park_id)s
  AND CASE c.method
        WHEN 'register' THEN c.signal = ANY (d.signals)
        -- only a device that counts nothing has its power integrated
        ELSE c.power = ANY (d.signals) AND NOT d.signals && %(counters)s::text[]
    END
  AND (d.device_id, c.signal) NOT IN (SELECT device_id, signal FROM known)
ORDER BY d.device_id, c.signal
ON CONFLICT (park_id, device_id, signal) DO NOTHING
RETURNING register_id
