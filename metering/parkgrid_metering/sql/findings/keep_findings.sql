INSERT INTO base.register_finding
    (park_id, register_id, at, kind, from_at, from_steps, steps, energy_wh, readings, found_at)
SELECT %(park_id)s, f.register_id, f.at, f.kind, f.from_at, f.from_steps, f.steps, f.energy_wh, f.readings, %(now)s
FROM unnest(
    %(registers)s::int4[], %(instants)s::timestamptz[], %(kinds)s::text[], %(from_instants)s::timestamptz[],
    %(from_steps)s::int8[], %(steps)s::int8[], %(energies)s::int8[], %(readings)s::int4[]
) AS f (register_id, at, kind, from_at, from_steps, steps, energy_wh, readings)
ON CONFLICT (park_id, register_id, at, kind) DO NOTHING
