-- The 15-minute truth: what each register metered in each interval, every former figure, and why figures are missing.
-- Plain tables in every store: rows are corrected in place, which is what a columnstore is worst at, and a year of a
-- thousand registers is 35 million narrow rows.

-- One direction of one metering point.
CREATE TABLE base.register (
    register_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id int4 NOT NULL REFERENCES base.device,
    signal text NOT NULL,
    period_s int4 NOT NULL CHECK (period_s IN (900, 1800, 3600, 86400)),
    -- 'register': differences of a counter; 'power': integrated, for devices that have no counter
    method text NOT NULL CHECK (method IN ('register', 'power')),
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    -- intervals before this instant have their row; it moves on every quarter of an hour, in its own page where there is room
    settled_to timestamptz,
    UNIQUE (device_id, signal)
) WITH (fillfactor = 50);

-- What somebody declared about a register, from an instant on; the latest declaration for an instant holds.
CREATE TABLE base.register_declaration (
    declaration_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    register_id int4 NOT NULL REFERENCES base.register,
    valid_from timestamptz NOT NULL,
    -- the count at which the register starts again from zero; NULL: nobody knows
    modulus_steps int8 CHECK (modulus_steps > 0),
    ratio_numerator int8 NOT NULL DEFAULT 1 CHECK (ratio_numerator > 0),
    ratio_denominator int8 NOT NULL DEFAULT 1 CHECK (ratio_denominator > 0),
    -- reading of the meter that comes, and of the one that goes, at valid_from
    initial_steps int8,
    final_steps int8,
    reason text NOT NULL,
    declared_by text NOT NULL,
    declared_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX register_declaration_register ON base.register_declaration (register_id, valid_from);

CREATE TABLE base.interval_energy (
    at timestamptz NOT NULL,
    energy_wh int8,
    first_at timestamptz,
    first_steps int8,
    last_at timestamptz,
    last_steps int8,
    changed_at timestamptz NOT NULL,
    register_id int4 NOT NULL,
    period_s int4 NOT NULL,
    expected int4 NOT NULL,
    received int4 NOT NULL,
    valid int4 NOT NULL,
    estimated int4 NOT NULL,
    late int4 NOT NULL,
    revision int4 NOT NULL,
    -- 0 missing, 1 good, 2 estimated
    quality int2 NOT NULL,
    cause text NOT NULL,
    PRIMARY KEY (register_id, at)
);

-- Rows come in the order of time, so that blocks of one instant are found by their bounds.
CREATE INDEX interval_energy_at ON base.interval_energy USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

-- A day of a register as one row, cut at the park's midnight, for whoever asks for months and years. It is kept by the
-- statements that change intervals, whoever issues them, so it cannot differ from the sum of its intervals.
CREATE TABLE base.energy_day (
    at timestamptz NOT NULL,
    energy_wh int8,
    -- of intervals that were revised; the other one of any
    revised_at timestamptz,
    changed_at timestamptz NOT NULL,
    expected int8 NOT NULL,
    received int8 NOT NULL,
    valid int8 NOT NULL,
    estimated int8 NOT NULL,
    late int8 NOT NULL,
    register_id int4 NOT NULL,
    -- intervals of each quality; missing ones without a row are not among them
    good int4 NOT NULL,
    estimated_intervals int4 NOT NULL,
    missing_rows int4 NOT NULL,
    PRIMARY KEY (register_id, at)
) WITH (fillfactor = 70);

CREATE INDEX energy_day_at ON base.energy_day USING brin (at) WITH (pages_per_range = 8, autosummarize = on);

-- New intervals are added to their days, without a look at those that were there.
CREATE FUNCTION base.add_to_days() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- One small table of zones, so that an interval meets one join and not three.
    WITH zone AS MATERIALIZED (
        SELECT r.register_id, p.time_zone
        FROM base.register AS r JOIN base.device AS d USING (device_id) JOIN base.park AS p USING (park)
    )
    INSERT INTO base.energy_day AS known
        (register_id, at, energy_wh, revised_at, changed_at, expected, received, valid, estimated, late, good,
         estimated_intervals, missing_rows)
    SELECT
        i.register_id, date_trunc('day', i.at, z.time_zone), sum(i.energy_wh)::int8,
        max(i.changed_at) FILTER (WHERE i.revision > 1), max(i.changed_at),
        sum(i.expected), sum(i.received), sum(i.valid), sum(i.estimated), sum(i.late),
        count(*) FILTER (WHERE i.quality = 1), count(*) FILTER (WHERE i.quality = 2),
        count(*) FILTER (WHERE i.quality = 0)
    FROM changed AS i
    JOIN zone AS z USING (register_id)
    GROUP BY i.register_id, date_trunc('day', i.at, z.time_zone)
    ON CONFLICT (register_id, at) DO UPDATE SET
        energy_wh = coalesce(known.energy_wh + excluded.energy_wh, known.energy_wh, excluded.energy_wh),
        revised_at = greatest(known.revised_at, excluded.revised_at),
        changed_at = greatest(known.changed_at, excluded.changed_at),
        expected = known.expected + excluded.expected, received = known.received + excluded.received,
        valid = known.valid + excluded.valid, estimated = known.estimated + excluded.estimated,
        late = known.late + excluded.late, good = known.good + excluded.good,
        estimated_intervals = known.estimated_intervals + excluded.estimated_intervals,
        missing_rows = known.missing_rows + excluded.missing_rows;
    RETURN NULL;
END
$$;

-- Count days anew from their intervals; one without any goes.
CREATE FUNCTION base.count_days(registers int4[], days timestamptz[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM base.energy_day AS e USING unnest(registers, days) AS u (register_id, at)
    WHERE e.register_id = u.register_id AND e.at = u.at;
    INSERT INTO base.energy_day
        (register_id, at, energy_wh, revised_at, changed_at, expected, received, valid, estimated, late, good,
         estimated_intervals, missing_rows)
    SELECT
        u.register_id, u.at, s.energy_wh, s.revised_at, s.changed_at, s.expected, s.received, s.valid, s.estimated,
        s.late, s.good, s.estimated_intervals, s.missing_rows
    FROM unnest(registers, days) AS u (register_id, at)
    JOIN base.register AS r USING (register_id)
    JOIN base.device AS d USING (device_id)
    JOIN base.park AS p USING (park)
    CROSS JOIN LATERAL (
        SELECT
            sum(i.energy_wh)::int8 AS energy_wh, max(i.changed_at) FILTER (WHERE i.revision > 1) AS revised_at,
            max(i.changed_at) AS changed_at, sum(i.expected) AS expected, sum(i.received) AS received,
            sum(i.valid) AS valid, sum(i.estimated) AS estimated, sum(i.late) AS late,
            count(*) FILTER (WHERE i.quality = 1) AS good, count(*) FILTER (WHERE i.quality = 2) AS estimated_intervals,
            count(*) FILTER (WHERE i.quality = 0) AS missing_rows
        FROM base.interval_energy AS i
        WHERE i.register_id = u.register_id AND i.at >= u.at
          AND i.at < ((u.at AT TIME ZONE p.time_zone) + INTERVAL '1 day') AT TIME ZONE p.time_zone
        HAVING count(*) > 0
    ) AS s
$$;

CREATE FUNCTION base.count_changed_days() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM base.count_days(array_agg(t.register_id), array_agg(t.at))
    FROM (
        SELECT DISTINCT i.register_id, date_trunc('day', i.at, p.time_zone) AS at
        FROM changed AS i
        JOIN base.register AS r USING (register_id)
        JOIN base.device AS d USING (device_id)
        JOIN base.park AS p USING (park)
    ) AS t;
    RETURN NULL;
END
$$;

CREATE FUNCTION base.forget_days() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM base.energy_day;
    RETURN NULL;
END
$$;

-- A park that is found to lie in another time zone has other days.
CREATE FUNCTION base.move_days() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM base.energy_day AS e USING base.register AS r JOIN base.device AS d USING (device_id)
    WHERE e.register_id = r.register_id AND d.park = NEW.park;
    PERFORM base.count_days(array_agg(t.register_id), array_agg(t.at))
    FROM (
        SELECT DISTINCT i.register_id, date_trunc('day', i.at, NEW.time_zone) AS at
        FROM base.interval_energy AS i JOIN base.register AS r USING (register_id) JOIN base.device AS d USING (device_id)
        WHERE d.park = NEW.park
    ) AS t;
    RETURN NULL;
END
$$;

CREATE TRIGGER days_of_new AFTER INSERT ON base.interval_energy
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION base.add_to_days();

-- The key of an interval never changes, so its former day is its present one.
CREATE TRIGGER days_of_changed AFTER UPDATE ON base.interval_energy
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION base.count_changed_days();

CREATE TRIGGER days_of_removed AFTER DELETE ON base.interval_energy
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION base.count_changed_days();

CREATE TRIGGER days_of_none AFTER TRUNCATE ON base.interval_energy
FOR EACH STATEMENT EXECUTE FUNCTION base.forget_days();

CREATE TRIGGER days_of_zone AFTER UPDATE OF time_zone ON base.park
FOR EACH ROW WHEN (OLD.time_zone IS DISTINCT FROM NEW.time_zone) EXECUTE FUNCTION base.move_days();

CREATE TABLE base.interval_energy_revision (
    LIKE base.interval_energy,
    superseded_at timestamptz NOT NULL,
    superseded_by text NOT NULL,
    superseded_cause text NOT NULL,
    PRIMARY KEY (register_id, at, revision)
);

CREATE INDEX interval_energy_revision_superseded ON base.interval_energy_revision (superseded_at);

-- Spells without readings, each with the part of the way that failed.
CREATE TABLE base.data_gap (
    register_id int4 NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    cause text NOT NULL CHECK (cause IN ('device', 'gateway', 'link', 'ingest')),
    PRIMARY KEY (register_id, from_at)
);

-- Which slots of a quarter of an hour have news: passed on by maintenance, read and removed by accounting.
CREATE TABLE base.energy_dirty (
    dirty_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_class text NOT NULL,
    -- empty: any device of the class
    devices int4[] NOT NULL,
    -- first minutes since 1970-01-01T00:00Z; parallel to devices when those are named
    slots int4[] NOT NULL
);

ALTER TABLE base.energy_dirty ALTER COLUMN devices SET STORAGE EXTERNAL, ALTER COLUMN slots SET STORAGE EXTERNAL;

-- Registers to be computed again from an instant on, because somebody declared something.
CREATE TABLE base.register_dirty (
    dirty_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    register_id int4 NOT NULL REFERENCES base.register,
    from_at timestamptz NOT NULL,
    cause text NOT NULL,
    noted_by text NOT NULL
);

-- Registers whose readings could not be computed, and why; they are tried again, and hold up nobody meanwhile.
CREATE TABLE base.register_aside (
    register_id int4 PRIMARY KEY REFERENCES base.register,
    -- from where on it is to be computed again
    from_at timestamptz NOT NULL,
    reason text NOT NULL,
    cause text NOT NULL,
    noted_by text NOT NULL,
    attempts int4 NOT NULL,
    since timestamptz NOT NULL,
    tried_at timestamptz NOT NULL,
    retry_at timestamptz NOT NULL
);

-- How far the data of a park reach.
CREATE TABLE base.energy_progress (
    park text PRIMARY KEY REFERENCES base.park,
    newest_at timestamptz NOT NULL
);

-- What was declared and what was published stay readable for ever.
CREATE FUNCTION base.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: add a row that supersedes the former one', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON base.register_declaration
FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON base.interval_energy_revision
FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change();

CREATE VIEW public.registers AS
SELECT
    r.register_id, d.device_id, p.district, d.park, d.gateway, d.device, d.device_class, r.signal,
    CASE WHEN r.signal LIKE '%\_kvarh' THEN 'kvarh' ELSE 'kWh' END AS unit,
    r.period_s, r.method, d.station, d.line, d.transformer, d.account
FROM base.register AS r
JOIN base.device AS d USING (device_id)
JOIN base.park AS p USING (park);

CREATE VIEW public.register_declarations AS
SELECT
    n.declaration_id, n.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, n.valid_from,
    n.modulus_steps / 1000::float8 AS modulus_kwh, n.ratio_numerator, n.ratio_denominator,
    n.initial_steps / 1000::float8 AS initial_kwh, n.final_steps / 1000::float8 AS final_kwh,
    n.reason, n.declared_by, n.declared_at
FROM base.register_declaration AS n
JOIN base.register AS r USING (register_id)
JOIN base.device AS d USING (device_id);

CREATE VIEW public.interval_energy AS
SELECT
    i.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, i.at, i.period_s,
    i.energy_wh / 1000::float8 AS energy_kwh, i.energy_wh,
    CASE i.quality WHEN 1 THEN 'good' WHEN 2 THEN 'estimated' ELSE 'missing' END AS quality,
    i.expected, i.received, i.valid, i.estimated, i.late,
    i.first_at, i.first_steps / 1000::float8 AS first_register_kwh,
    i.last_at, i.last_steps / 1000::float8 AS last_register_kwh,
    i.revision, i.changed_at, i.cause
FROM base.interval_energy AS i
JOIN base.register AS r USING (register_id)
JOIN base.device AS d USING (device_id);

CREATE VIEW public.interval_energy_revisions AS
SELECT
    i.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, i.at, i.period_s,
    i.energy_wh / 1000::float8 AS energy_kwh, i.energy_wh,
    CASE i.quality WHEN 1 THEN 'good' WHEN 2 THEN 'estimated' ELSE 'missing' END AS quality,
    i.expected, i.received, i.valid, i.estimated, i.late,
    i.first_at, i.first_steps / 1000::float8 AS first_register_kwh,
    i.last_at, i.last_steps / 1000::float8 AS last_register_kwh,
    i.revision, i.changed_at, i.cause, i.superseded_at, i.superseded_by, i.superseded_cause
FROM base.interval_energy_revision AS i
JOIN base.register AS r USING (register_id)
JOIN base.device AS d USING (device_id);

-- A sum over what is known; what is missing in it is counted, so nobody takes a part for the whole.
CREATE VIEW public.energy_1h AS
SELECT
    t.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, t.at,
    t.energy_wh / 1000::float8 AS energy_kwh, t.energy_wh::int8 AS energy_wh,
    t.good, t.estimated_intervals,
    e.expected_intervals - t.good - t.estimated_intervals AS missing_intervals,
    e.expected_intervals,
    100 * (t.good + t.estimated_intervals) / e.expected_intervals::float8 AS coverage_pct,
    t.revised_at
FROM (
    SELECT
        i.register_id, date_trunc('hour', i.at, p.time_zone) AS at, i.period_s,
        sum(i.energy_wh) AS energy_wh,
        count(*) FILTER (WHERE i.quality = 1) AS good,
        count(*) FILTER (WHERE i.quality = 2) AS estimated_intervals,
        max(i.changed_at) FILTER (WHERE i.revision > 1) AS revised_at
    FROM base.interval_energy AS i
    JOIN base.register AS r USING (register_id)
    JOIN base.device AS d USING (device_id)
    JOIN base.park AS p USING (park)
    WHERE i.period_s <= 3600
    GROUP BY i.register_id, date_trunc('hour', i.at, p.time_zone), i.period_s
) AS t
JOIN base.register AS r USING (register_id)
JOIN base.device AS d USING (device_id)
CROSS JOIN LATERAL (SELECT (3600 / t.period_s)::int8 AS expected_intervals) AS e;

CREATE VIEW public.energy_1d AS
SELECT
    e.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, e.at,
    e.energy_wh / 1000::float8 AS energy_kwh, e.energy_wh,
    e.good::int8 AS good, e.estimated_intervals::int8 AS estimated_intervals,
    x.expected_intervals - e.good - e.estimated_intervals AS missing_intervals,
    x.expected_intervals,
    100 * (e.good + e.estimated_intervals) / x.expected_intervals::float8 AS coverage_pct,
    e.revised_at
FROM base.energy_day AS e
JOIN base.register AS r USING (register_id)
JOIN base.device AS d USING (device_id)
JOIN base.park AS p USING (park)
CROSS JOIN LATERAL (
    SELECT (extract(epoch FROM ((e.at AT TIME ZONE p.time_zone) + INTERVAL '1 day') AT TIME ZONE p.time_zone - e.at)
        / r.period_s)::int8 AS expected_intervals
) AS x;

-- Grouped by keys, so that a filter by any of the names reaches the days before they are summed.
CREATE VIEW public.energy_1mo AS
SELECT
    t.register_id, t.park, t.gateway, t.device, t.device_class, t.signal, t.at,
    t.energy_wh / 1000::float8 AS energy_kwh, t.energy_wh,
    t.good, t.estimated_intervals,
    x.expected_intervals - t.good - t.estimated_intervals AS missing_intervals,
    x.expected_intervals,
    100 * (t.good + t.estimated_intervals) / x.expected_intervals::float8 AS coverage_pct,
    t.revised_at
FROM (
    SELECT
        r.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, r.period_s, p.time_zone,
        date_trunc('month', e.at, p.time_zone) AS at,
        sum(e.energy_wh)::int8 AS energy_wh, sum(e.good) AS good, sum(e.estimated_intervals) AS estimated_intervals,
        max(e.revised_at) AS revised_at
    FROM base.energy_day AS e
    JOIN base.register AS r USING (register_id)
    JOIN base.device AS d USING (device_id)
    JOIN base.park AS p USING (park)
    GROUP BY r.register_id, d.device_id, p.park, date_trunc('month', e.at, p.time_zone)
) AS t
CROSS JOIN LATERAL (
    SELECT (extract(epoch FROM ((t.at AT TIME ZONE t.time_zone) + INTERVAL '1 month') AT TIME ZONE t.time_zone - t.at)
        / t.period_s)::int8 AS expected_intervals
) AS x;

-- Readings, not intervals: how much of what should have come came, could be used, was flagged, was late.
CREATE VIEW public.completeness_1d AS
SELECT
    e.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, (e.at AT TIME ZONE p.time_zone)::date AS day,
    e.expected, e.received, e.valid, e.estimated, e.late,
    100 * least(1, e.valid / nullif(e.expected, 0)::float8) AS coverage_pct
FROM base.energy_day AS e
JOIN base.register AS r USING (register_id)
JOIN base.device AS d USING (device_id)
JOIN base.park AS p USING (park);

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

-- Every register weighs the same, however often it is read.
CREATE VIEW public.park_completeness_1d AS
SELECT
    park, day, count(*) AS registers, avg(coverage_pct) AS coverage_pct, min(coverage_pct) AS coverage_pct_min,
    sum(expected)::int8 AS expected, sum(received)::int8 AS received, sum(valid)::int8 AS valid,
    sum(estimated)::int8 AS estimated, sum(late)::int8 AS late
FROM public.completeness_1d
GROUP BY park, day;

CREATE VIEW public.data_gaps AS
SELECT d.park, d.gateway, d.device, r.signal, g.from_at, g.to_at, g.cause
FROM base.data_gap AS g
JOIN base.register AS r USING (register_id)
JOIN base.device AS d USING (device_id);

CREATE VIEW public.registers_set_aside AS
SELECT
    a.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, a.from_at, a.reason, a.attempts, a.since,
    a.tried_at, a.retry_at
FROM base.register_aside AS a
JOIN base.register AS r USING (register_id)
JOIN base.device AS d USING (device_id);

CREATE VIEW public.energy_progress AS
SELECT park, newest_at FROM base.energy_progress;

REVOKE ALL ON FUNCTION base.refuse_change() FROM PUBLIC;
REVOKE ALL ON FUNCTION base.add_to_days() FROM PUBLIC;
REVOKE ALL ON FUNCTION base.count_days(int4[], timestamptz[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION base.count_changed_days() FROM PUBLIC;
REVOKE ALL ON FUNCTION base.forget_days() FROM PUBLIC;
REVOKE ALL ON FUNCTION base.move_days() FROM PUBLIC;

-- Functions of schema base belong to ingest, as 0005 has it; whoever settles counts the days.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'parkgrid_ingest') THEN
        GRANT EXECUTE ON FUNCTION base.count_days(int4[], timestamptz[]) TO parkgrid_ingest;
    END IF;
END
$$;
