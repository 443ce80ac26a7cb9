UPDATE base.interval_energy AS i
SET energy_wh = s.energy_wh, first_at = s.first_at, first_steps = s.first_steps, last_at = s.last_at,
    last_steps = s.last_steps, period_s = s.period_s, expected = s.expected, received = s.received, valid = s.valid,
    estimated = s.estimated, late = s.late, quality = s.quality, spread = s.spread, changed_at = %(now)s, revision = i.revision + 1,
    cause = %(cause)s
FROM interval_energy_staged AS s
WHERE i.park_id = %(park_id)s AND i.register_id = s.register_id AND i.at = s.at
