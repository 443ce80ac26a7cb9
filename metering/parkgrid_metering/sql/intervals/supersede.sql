INSERT INTO base.interval_energy_revision
    (park_id, at, energy_wh, first_at, first_steps, last_at, last_steps, changed_at, register_id, period_s, expected,
     received, valid, estimated, late, revision, quality, cause, spread, superseded_at, superseded_by, superseded_cause)
SELECT i.park_id, i.at, i.energy_wh, i.first_at, i.first_steps, i.last_at, i.last_steps, i.changed_at, i.register_id,
    i.period_s, i.expected, i.received, i.valid, i.estimated, i.late, i.revision, i.quality, i.cause, i.spread, %(now)s,
    %(by)s, %(cause)s
FROM base.interval_energy AS i
JOIN interval_energy_staged AS s USING (register_id, at)
WHERE i.park_id = %(park_id)s
