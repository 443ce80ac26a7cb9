-- What dashboards ask for over months: a day of a register as one row, kept by the statements that change its intervals.
-- Days begin at midnight of the park; a day is counted anew from its intervals, so it can never drift from them.

CREATE TABLE base.energy_day (
    at timestamptz NOT NULL,
    energy_wh int8,
    expected int8 NOT NULL,
    received int8 NOT NULL,
    valid int8 NOT NULL,
    estimated int8 NOT NULL,
    late int8 NOT NULL,
    register_id int4 NOT NULL REFERENCES base.register,
    -- intervals of each quality; missing ones without a row are not among them
    good int4 NOT NULL,
    estimated_intervals int4 NOT NULL,
    missing_rows int4 NOT NULL,
    PRIMARY KEY (register_id, at)
);

CREATE FUNCTION base.count_energy_days(registers int4[], instants timestamptz[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO base.energy_day AS known
        (register_id, at, energy_wh, expected, received, valid, estimated, late, good, estimated_intervals, missing_rows)
    SELECT t.register_id, t.at, s.energy_wh, s.expected, s.received, s.valid, s.estimated, s.late, s.good,
        s.estimated_intervals, s.missing_rows
    FROM (
        SELECT DISTINCT u.register_id, date_trunc('day', u.at, p.time_zone) AS at, p.time_zone
        FROM unnest(registers, instants) AS u (register_id, at)
        JOIN base.register AS r USING (register_id)
        JOIN base.device AS d USING (device_id)
        JOIN base.park AS p USING (park)
    ) AS t
    CROSS JOIN LATERAL (
        SELECT
            sum(i.energy_wh)::int8 AS energy_wh,
            sum(i.expected) AS expected, sum(i.received) AS received, sum(i.valid) AS valid,
            sum(i.estimated) AS estimated, sum(i.late) AS late,
            count(*) FILTER (WHERE i.quality = 1) AS good,
            count(*) FILTER (WHERE i.quality = 2) AS estimated_intervals,
            count(*) FILTER (WHERE i.quality = 0) AS missing_rows
        FROM base.interval_energy AS i
        WHERE i.register_id = t.register_id AND i.at >= t.at
          AND i.at < ((t.at AT TIME ZONE t.time_zone) + INTERVAL '1 day') AT TIME ZONE t.time_zone
        HAVING count(*) > 0
    ) AS s
    ON CONFLICT (register_id, at) DO UPDATE SET
        energy_wh = excluded.energy_wh, expected = excluded.expected, received = excluded.received,
        valid = excluded.valid, estimated = excluded.estimated, late = excluded.late, good = excluded.good,
        estimated_intervals = excluded.estimated_intervals, missing_rows = excluded.missing_rows
$$;

CREATE FUNCTION base.keep_energy_days() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM base.count_energy_days(array_agg(register_id), array_agg(at)) FROM changed;
    RETURN NULL;
END
$$;

CREATE TRIGGER days_of_new AFTER INSERT ON base.interval_energy
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION base.keep_energy_days();

CREATE TRIGGER days_of_changed AFTER UPDATE ON base.interval_energy
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION base.keep_energy_days();

-- A park that is found to lie in another time zone has other days.
CREATE FUNCTION base.move_energy_days() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM base.energy_day AS e USING base.register AS r JOIN base.device AS d USING (device_id)
    WHERE e.register_id = r.register_id AND d.park = NEW.park;
    PERFORM base.count_energy_days(array_agg(i.register_id), array_agg(i.at))
    FROM base.interval_energy AS i JOIN base.register AS r USING (register_id) JOIN base.device AS d USING (device_id)
    WHERE d.park = NEW.park;
    RETURN NULL;
END
$$;

CREATE TRIGGER days_of_zone AFTER UPDATE OF time_zone ON base.park
FOR EACH ROW WHEN (OLD.time_zone IS DISTINCT FROM NEW.time_zone) EXECUTE FUNCTION base.move_energy_days();

SELECT base.count_energy_days(array_agg(register_id), array_agg(at)) FROM base.interval_energy;

-- Functions of schema base belong to ingest, as 0005 has it; whoever settles counts the days.
REVOKE ALL ON FUNCTION base.count_energy_days(int4[], timestamptz[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION base.keep_energy_days() FROM PUBLIC;
REVOKE ALL ON FUNCTION base.move_energy_days() FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'parkgrid_ingest') THEN
        GRANT EXECUTE ON FUNCTION base.count_energy_days(int4[], timestamptz[]) TO parkgrid_ingest;
    END IF;
END
$$;

-- A day of a register: its energy, and how much of what should have come came.
CREATE VIEW public.register_days AS
SELECT
    e.register_id, p.district, d.park, d.gateway, d.device, d.device_class, r.signal, d.account, e.at,
    e.energy_wh / 1000::float8 AS energy_kwh, e.energy_wh, e.good, e.estimated_intervals, r.period_s,
    e.expected, e.received, e.valid, e.estimated, e.late,
    100 * least(1, e.valid / nullif(e.expected, 0)::float8) AS coverage_pct
FROM base.energy_day AS e
JOIN base.register AS r USING (register_id)
JOIN base.device AS d USING (device_id)
JOIN base.park AS p USING (park);

-- The intervals alone, without names: sums over many of them start here.
CREATE VIEW public.energy_intervals AS
SELECT
    register_id, at, period_s, energy_wh / 1000::float8 AS energy_kwh, energy_wh, quality, expected, received, valid,
    estimated, late, revision, changed_at
FROM base.interval_energy;

-- How far the store has got and what waits in it.
CREATE VIEW public.store_progress AS
SELECT relation, newest_at, kept_from FROM base.rollup_progress;

CREATE VIEW public.store_backlog AS
SELECT 'rollup' AS work, count(*) AS entries FROM base.rollup_dirty
UNION ALL
SELECT 'energy', count(*) FROM base.energy_dirty
UNION ALL
SELECT 'declaration', count(*) FROM base.register_dirty;
