-- What photovoltaics counted in a gap is spread over its time by daylight, and the interval says by which.

-- 0 evenly or no gap, 1 by the sun at the park's coordinates, 3 by the park's clock
ALTER TABLE base.interval_energy ADD COLUMN spread int2 NOT NULL DEFAULT 0;
ALTER TABLE base.interval_energy_revision ADD COLUMN spread int2 NOT NULL DEFAULT 0;

CREATE OR REPLACE VIEW public.interval_energy AS
SELECT
    i.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, i.at, i.period_s,
    i.energy_wh / 1000::float8 AS energy_kwh, i.energy_wh,
    CASE i.quality WHEN 1 THEN 'good' WHEN 2 THEN 'estimated' ELSE 'missing' END AS quality,
    i.expected, i.received, i.valid, i.estimated, i.late,
    i.first_at, i.first_steps / 1000::float8 AS first_register_kwh,
    i.last_at, i.last_steps / 1000::float8 AS last_register_kwh,
    i.revision, i.changed_at, i.cause,
    CASE i.spread WHEN 1 THEN 'sun' WHEN 3 THEN 'clock' END AS spread
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
    CASE i.spread WHEN 1 THEN 'sun' WHEN 3 THEN 'clock' END AS spread
FROM base.interval_energy_revision AS i
JOIN base.register AS r USING (register_id)
JOIN base.device AS d USING (device_id);

-- A park that is found to lie elsewhere has its gaps spread anew, from the first estimated interval of each inverter on.
CREATE FUNCTION base.spread_anew() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO base.register_dirty (register_id, from_at, cause, noted_by)
    SELECT r.register_id, i.at, 'coordinates of the park', 'registry'
    FROM base.register AS r
    JOIN base.device AS d USING (device_id)
    CROSS JOIN LATERAL (
        SELECT at FROM base.interval_energy WHERE register_id = r.register_id AND quality = 2 ORDER BY at LIMIT 1
    ) AS i
    WHERE d.park = NEW.park AND d.device_class = 'pv_inverter' AND r.signal = 'energy_generated_kwh';
    RETURN NULL;
END
$$;

CREATE TRIGGER spread_of_place AFTER UPDATE OF latitude, longitude, time_zone ON base.park
FOR EACH ROW WHEN (
    (OLD.latitude, OLD.longitude, OLD.time_zone) IS DISTINCT FROM (NEW.latitude, NEW.longitude, NEW.time_zone)
) EXECUTE FUNCTION base.spread_anew();
