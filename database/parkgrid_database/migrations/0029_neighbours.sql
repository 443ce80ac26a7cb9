-- A gap of photovoltaics may be spread by what other inverters of the park counted, and the interval says so.

-- 0 evenly or no gap, 1 by the sun at the park's coordinates, 2 by other inverters of the park, 3 by the park's clock

CREATE OR REPLACE VIEW public.interval_energy AS
SELECT
    i.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, i.at, i.period_s,
    i.energy_wh / 1000::float8 AS energy_kwh, i.energy_wh,
    CASE i.quality WHEN 1 THEN 'good' WHEN 2 THEN 'estimated' ELSE 'missing' END AS quality,
    i.expected, i.received, i.valid, i.estimated, i.late,
    i.first_at, i.first_steps / 1000::float8 AS first_register_kwh,
    i.last_at, i.last_steps / 1000::float8 AS last_register_kwh,
    i.revision, i.changed_at, i.cause,
    CASE i.spread WHEN 1 THEN 'sun' WHEN 2 THEN 'neighbours' WHEN 3 THEN 'clock' END AS spread
FROM base.interval_energy AS i
JOIN base.register AS r USING (register_id)
JOIN base.device AS d USING (device_id);

CREATE OR REPLACE VIEW public.interval_energy_revisions AS
SELECT
    i.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, i.at, i.period_s,
    i.energy_wh / 1000::float8 AS energy_kwh, i.energy_wh,
    CASE i.quality WHEN 1 THEN 'good' WHEN 2 THEN 'estimated' ELSE 'missing' END AS quality,
    i.expected, i.received, i.valid, i.estimated, i.late,
    i.first_at, i.first_steps / 1000::float8 AS first_register_kwh,
    i.last_at, i.last_steps / 1000::float8 AS last_register_kwh,
    i.revision, i.changed_at, i.cause, i.superseded_at, i.superseded_by, i.superseded_cause,
    CASE i.spread WHEN 1 THEN 'sun' WHEN 2 THEN 'neighbours' WHEN 3 THEN 'clock' END AS spread
FROM base.interval_energy_revision AS i
JOIN base.register AS r USING (register_id)
JOIN base.device AS d USING (device_id);
