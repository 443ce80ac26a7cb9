-- The 15-minute truth: what each register metered in each interval, every former figure, and why figures are missing.
-- Plain tables in every store: rows are corrected in place, which is what a columnstore is worst at, and a year of a
-- thousand registers is 35 million narrow rows. Everything here belongs to one park, which leads every key.

-- One direction of one metering point.
CREATE TABLE base.register (
    park_id int4 NOT NULL,
    register_id int4 GENERATED ALWAYS AS IDENTITY,
    device_id int4 NOT NULL REFERENCES base.device,
    signal text NOT NULL,
    period_s int4 NOT NULL CHECK (period_s IN (900, 1800, 3600, 86400)),
    -- 'register': differences of a counter; 'power': integrated, for devices that have no counter
    method text NOT NULL CHECK (method IN ('register', 'power')),
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    -- intervals before this instant have their row; it moves on every quarter of an hour, in its own page where there is room
    settled_to timestamptz,
    -- from when on it counts itself, where its power was integrated before, since its counter had never answered
    counted_from timestamptz,
    -- Where its first usable reading is looked for, while none of its intervals is settled: there is none before this instant,
    -- of its counter or of the power that can stand in for it, but in news. NULL: everything is looked through, once.
    sought_from timestamptz,
    PRIMARY KEY (park_id, register_id),
    UNIQUE (park_id, device_id, signal)
) WITH (fillfactor = 50);

-- What somebody declared about a register, from an instant on; the latest declaration for an instant holds.
CREATE TABLE base.register_declaration (
    park_id int4 NOT NULL,
    declaration_id int8 GENERATED ALWAYS AS IDENTITY,
    register_id int4 NOT NULL,
    valid_from timestamptz NOT NULL,
    -- the count at which the register starts again from zero; NULL: nobody knows
    modulus_steps int8 CHECK (modulus_steps > 0),
    ratio_numerator int8 NOT NULL DEFAULT 1 CHECK (ratio_numerator > 0),
    ratio_denominator int8 NOT NULL DEFAULT 1 CHECK (ratio_denominator > 0),
    -- reading of the meter that comes, and of the one that goes, at valid_from
    initial_steps int8,
    final_steps int8,
    -- the step by which the register moves
    step_steps int8 CHECK (step_steps > 0),
    reason text NOT NULL,
    declared_by text NOT NULL,
    declared_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (park_id, declaration_id),
    FOREIGN KEY (park_id, register_id) REFERENCES base.register
);

CREATE INDEX register_declaration_register ON base.register_declaration (park_id, register_id, valid_from);

CREATE TABLE base.interval_energy (
    at timestamptz NOT NULL,
    energy_wh int8,
    first_at timestamptz,
    first_steps int8,
    last_at timestamptz,
    last_steps int8,
    changed_at timestamptz NOT NULL,
    park_id int4 NOT NULL,
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
    -- by what a gap of photovoltaics was spread: 0 evenly or no gap, 1 the sun at the park's coordinates, 2 other inverters
    -- of the park, 3 the park's clock
    spread int2 NOT NULL DEFAULT 0,
    cause text NOT NULL,
    PRIMARY KEY (park_id, register_id, at)
);

-- A register lies in one park: without knowing it, the planner takes a register's rows for as many times fewer as there are
-- parks, and compares what it joins with them row by row.
CREATE STATISTICS base.interval_energy_key (dependencies) ON park_id, register_id FROM base.interval_energy;

-- Rows come in the order of time, so that blocks of one instant are found by their bounds.
CREATE INDEX interval_energy_at ON base.interval_energy USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

-- Which closed months changed intervals belong to is asked after every round of metering.
CREATE INDEX interval_energy_changed ON base.interval_energy USING brin (changed_at)
WITH (pages_per_range = 32, autosummarize = on);

-- A day of a register as one row, cut at the park's midnight, for whoever asks for months and years. Metering keeps it in
-- the transaction that changes intervals.
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
    park_id int4 NOT NULL,
    register_id int4 NOT NULL,
    -- intervals of each quality; missing ones without a row are not among them
    good int4 NOT NULL,
    estimated_intervals int4 NOT NULL,
    missing_rows int4 NOT NULL,
    PRIMARY KEY (park_id, register_id, at)
) WITH (fillfactor = 70);

CREATE STATISTICS base.energy_day_key (dependencies) ON park_id, register_id FROM base.energy_day;

CREATE INDEX energy_day_at ON base.energy_day USING brin (at) WITH (pages_per_range = 8, autosummarize = on);

CREATE TABLE base.interval_energy_revision (
    LIKE base.interval_energy,
    superseded_at timestamptz NOT NULL,
    superseded_by text NOT NULL,
    superseded_cause text NOT NULL,
    PRIMARY KEY (park_id, register_id, at, revision)
);

CREATE INDEX interval_energy_revision_superseded ON base.interval_energy_revision (superseded_at);

-- Spells without readings, each with the part of the way that failed.
CREATE TABLE base.data_gap (
    park_id int4 NOT NULL,
    register_id int4 NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    cause text NOT NULL CHECK (cause IN ('device', 'gateway', 'link', 'ingest', 'source', 'restore')),
    PRIMARY KEY (park_id, register_id, from_at)
);

-- Which slots of a quarter of an hour have news: passed on by maintenance, read and removed by metering.
CREATE TABLE base.energy_dirty (
    park_id int4 NOT NULL,
    dirty_id int8 GENERATED ALWAYS AS IDENTITY,
    device_class text NOT NULL,
    -- empty: any device of the class
    devices int4[] NOT NULL,
    -- first minutes since 1970-01-01T00:00Z; parallel to devices when those are named
    slots int4[] NOT NULL,
    PRIMARY KEY (park_id, dirty_id)
);

ALTER TABLE base.energy_dirty ALTER COLUMN devices SET STORAGE EXTERNAL, ALTER COLUMN slots SET STORAGE EXTERNAL;

-- Registers to be computed again from an instant on, because somebody declared something.
CREATE TABLE base.register_dirty (
    park_id int4 NOT NULL,
    dirty_id int8 GENERATED ALWAYS AS IDENTITY,
    register_id int4 NOT NULL,
    from_at timestamptz NOT NULL,
    cause text NOT NULL,
    noted_by text NOT NULL,
    PRIMARY KEY (park_id, dirty_id),
    FOREIGN KEY (park_id, register_id) REFERENCES base.register
);

-- Registers whose readings could not be computed, and why; they are tried again, and hold up nobody meanwhile.
CREATE TABLE base.register_aside (
    park_id int4 NOT NULL,
    register_id int4 NOT NULL,
    -- from where on it is to be computed again
    from_at timestamptz NOT NULL,
    reason text NOT NULL,
    cause text NOT NULL,
    noted_by text NOT NULL,
    attempts int4 NOT NULL,
    since timestamptz NOT NULL,
    tried_at timestamptz NOT NULL,
    retry_at timestamptz NOT NULL,
    PRIMARY KEY (park_id, register_id),
    FOREIGN KEY (park_id, register_id) REFERENCES base.register
);

-- With which state the readings from an instant on are judged: one row a day, and one at the end of what is settled.
CREATE TABLE base.register_belief (
    park_id int4 NOT NULL,
    register_id int4 NOT NULL,
    at timestamptz NOT NULL,
    belief jsonb NOT NULL,
    PRIMARY KEY (park_id, register_id, at),
    FOREIGN KEY (park_id, register_id) REFERENCES base.register
) WITH (fillfactor = 70);

-- What a register cannot have counted, for a person to explain by a declaration.
CREATE TABLE base.register_finding (
    park_id int4 NOT NULL,
    register_id int4 NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('jumped', 'reset', 'left_out', 'too_much')),
    from_at timestamptz NOT NULL,
    from_steps int8,
    steps int8,
    -- what would have been booked; of a reset, what was
    energy_wh int8 NOT NULL,
    readings int4 NOT NULL,
    found_at timestamptz NOT NULL,
    PRIMARY KEY (park_id, register_id, at, kind),
    FOREIGN KEY (park_id, register_id) REFERENCES base.register
);

-- Starts of intervals in which a register of any park was read as planned. Whether nobody at all was heard is asked here,
-- so that the other parks are not: a few rows an hour for the whole district.
CREATE TABLE base.heard (
    at timestamptz PRIMARY KEY
);

-- How far the data of a park reach.
CREATE TABLE base.energy_progress (
    park_id int4 PRIMARY KEY REFERENCES base.park,
    newest_at timestamptz NOT NULL
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON base.register_declaration
FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON base.interval_energy_revision
FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change();

-- Count days of a park anew from their intervals; one without any goes. A day has the intervals of its date: where clocks
-- are set at midnight it does not begin at the instant it is named by, nor end a day after that.
CREATE FUNCTION base.count_days(of_park int4, registers int4[], days timestamptz[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM base.energy_day AS e USING unnest(registers, days) AS u (register_id, at)
    WHERE e.park_id = of_park AND e.register_id = u.register_id AND e.at = u.at;
    INSERT INTO base.energy_day
        (park_id, register_id, at, energy_wh, revised_at, changed_at, expected, received, valid, estimated, late, good,
         estimated_intervals, missing_rows)
    SELECT
        of_park, u.register_id, u.at, s.energy_wh, s.revised_at, s.changed_at, s.expected, s.received, s.valid,
        s.estimated, s.late, s.good, s.estimated_intervals, s.missing_rows
    FROM unnest(registers, days) AS u (register_id, at)
    JOIN base.park AS p ON p.park_id = of_park
    CROSS JOIN LATERAL (
        SELECT
            sum(i.energy_wh)::int8 AS energy_wh, max(i.changed_at) FILTER (WHERE i.revision > 1) AS revised_at,
            max(i.changed_at) AS changed_at, sum(i.expected) AS expected, sum(i.received) AS received,
            sum(i.valid) AS valid, sum(i.estimated) AS estimated, sum(i.late) AS late,
            count(*) FILTER (WHERE i.quality = 1) AS good, count(*) FILTER (WHERE i.quality = 2) AS estimated_intervals,
            count(*) FILTER (WHERE i.quality = 0) AS missing_rows
        FROM base.interval_energy AS i
        WHERE i.park_id = of_park AND i.register_id = u.register_id
          AND i.at > u.at - INTERVAL '4 hours' AND i.at < u.at + INTERVAL '28 hours'
          AND date_trunc('day', i.at, p.time_zone) = u.at
        HAVING count(*) > 0
    ) AS s
$$;

-- A park that is found to lie in another time zone has other days. It runs as the owner: ingest, which says so, has no
-- rights on what metering writes. A round of metering that goes by the former zone ends first: this is its lock.
CREATE FUNCTION base.move_days(of_park int4) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('parkgrid.metering'), of_park);
    DELETE FROM base.energy_day WHERE park_id = of_park;
    PERFORM base.count_days(of_park, array_agg(t.register_id), array_agg(t.at))
    FROM (
        SELECT DISTINCT i.register_id, date_trunc('day', i.at, p.time_zone) AS at
        FROM base.interval_energy AS i JOIN base.park AS p USING (park_id)
        WHERE i.park_id = of_park
    ) AS t;
END
$$;

-- A park that is found to lie elsewhere has its gaps spread anew, from the first estimated interval of each inverter on.
CREATE FUNCTION base.spread_anew(of_park int4) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO base.register_dirty (park_id, register_id, from_at, cause, noted_by)
    SELECT r.park_id, r.register_id, i.at, 'coordinates of the park', 'registry'
    FROM base.register AS r
    JOIN base.device AS d USING (device_id)
    CROSS JOIN LATERAL (
        SELECT at FROM base.interval_energy AS e
        WHERE e.park_id = of_park AND e.register_id = r.register_id AND e.quality = 2 ORDER BY at LIMIT 1
    ) AS i
    WHERE r.park_id = of_park AND d.device_class = 'pv_inverter' AND r.signal = 'energy_generated_kwh'
$$;

CREATE VIEW public.registers AS
SELECT
    r.park_id, r.register_id, d.device_id, p.district, d.park, d.gateway, d.device, d.device_class, r.signal,
    CASE WHEN r.signal LIKE '%\_kvarh' THEN 'kvarh' ELSE 'kWh' END AS unit,
    r.period_s, r.method, d.station, d.line, d.transformer, d.account, r.counted_from
FROM base.register AS r
JOIN base.device AS d USING (device_id)
JOIN base.park AS p ON p.park_id = r.park_id;

CREATE VIEW public.register_declarations AS
SELECT
    n.declaration_id, n.park_id, n.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, n.valid_from,
    n.modulus_steps / 1000::float8 AS modulus_kwh, n.ratio_numerator, n.ratio_denominator,
    n.initial_steps / 1000::float8 AS initial_kwh, n.final_steps / 1000::float8 AS final_kwh,
    n.reason, n.declared_by, n.declared_at, n.step_steps / 1000::float8 AS step_kwh
FROM base.register_declaration AS n
JOIN base.register AS r USING (park_id, register_id)
JOIN base.device AS d USING (device_id);

CREATE VIEW public.register_beliefs AS
SELECT park_id, register_id, at, belief FROM base.register_belief;

-- The highest power that a register may show: one and a half times the rating, else five times what it ever showed.
CREATE VIEW public.register_limits AS
SELECT
    r.park_id, r.register_id, d.park, d.gateway, d.device, r.signal,
    CASE WHEN d.rated_kw > 0 THEN 1.5 * d.rated_kw ELSE 5 * nullif((b.belief ->> 'peak_kw')::float8, 0) END AS limit_kw,
    CASE WHEN d.rated_kw > 0 THEN 'declared' ELSE 'learned' END AS source
FROM base.register AS r
CROSS JOIN LATERAL (
    SELECT park, gateway, device, (ratings ->> 'rated_power_kw')::float8 AS rated_kw
    FROM base.device WHERE device_id = r.device_id
) AS d
LEFT JOIN LATERAL (
    SELECT belief FROM base.register_belief AS k
    WHERE k.park_id = r.park_id AND k.register_id = r.register_id ORDER BY at DESC LIMIT 1
) AS b ON true
WHERE r.method = 'register';

CREATE VIEW public.register_findings AS
SELECT
    f.park_id, f.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, f.at, f.kind, f.from_at,
    f.from_steps / 1000::float8 AS from_kwh, f.steps / 1000::float8 AS kwh, f.energy_wh / 1000::float8 AS energy_kwh,
    f.readings, f.found_at
FROM base.register_finding AS f
JOIN base.register AS r USING (park_id, register_id)
JOIN base.device AS d USING (device_id);

CREATE VIEW public.interval_energy AS
SELECT
    i.park_id, i.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, i.at, i.period_s,
    i.energy_wh / 1000::float8 AS energy_kwh, i.energy_wh,
    CASE i.quality WHEN 1 THEN 'good' WHEN 2 THEN 'estimated' ELSE 'missing' END AS quality,
    i.expected, i.received, i.valid, i.estimated, i.late,
    i.first_at, i.first_steps / 1000::float8 AS first_register_kwh,
    i.last_at, i.last_steps / 1000::float8 AS last_register_kwh,
    i.revision, i.changed_at, i.cause,
    CASE i.spread WHEN 1 THEN 'sun' WHEN 2 THEN 'neighbours' WHEN 3 THEN 'clock' END AS spread
FROM base.interval_energy AS i
JOIN base.register AS r USING (park_id, register_id)
JOIN base.device AS d USING (device_id);

CREATE VIEW public.interval_energy_revisions AS
SELECT
    i.park_id, i.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, i.at, i.period_s,
    i.energy_wh / 1000::float8 AS energy_kwh, i.energy_wh,
    CASE i.quality WHEN 1 THEN 'good' WHEN 2 THEN 'estimated' ELSE 'missing' END AS quality,
    i.expected, i.received, i.valid, i.estimated, i.late,
    i.first_at, i.first_steps / 1000::float8 AS first_register_kwh,
    i.last_at, i.last_steps / 1000::float8 AS last_register_kwh,
    i.revision, i.changed_at, i.cause, i.superseded_at, i.superseded_by, i.superseded_cause,
    CASE i.spread WHEN 1 THEN 'sun' WHEN 2 THEN 'neighbours' WHEN 3 THEN 'clock' END AS spread
FROM base.interval_energy_revision AS i
JOIN base.register AS r USING (park_id, register_id)
JOIN base.device AS d USING (device_id);

-- A sum over what is known; what is missing in it is counted, so nobody takes a part for the whole.
CREATE VIEW public.energy_1h AS
SELECT
    t.park_id, t.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, t.at,
    t.energy_wh / 1000::float8 AS energy_kwh, t.energy_wh::int8 AS energy_wh,
    t.good, t.estimated_intervals,
    e.expected_intervals - t.good - t.estimated_intervals AS missing_intervals,
    e.expected_intervals,
    100 * (t.good + t.estimated_intervals) / e.expected_intervals::float8 AS coverage_pct,
    t.revised_at
FROM (
    SELECT
        i.park_id, i.register_id, date_trunc('hour', i.at, p.time_zone) AS at, i.period_s,
        sum(i.energy_wh) AS energy_wh,
        count(*) FILTER (WHERE i.quality = 1) AS good,
        count(*) FILTER (WHERE i.quality = 2) AS estimated_intervals,
        max(i.changed_at) FILTER (WHERE i.revision > 1) AS revised_at
    FROM base.interval_energy AS i
    JOIN base.park AS p USING (park_id)
    WHERE i.period_s <= 3600
    GROUP BY i.park_id, i.register_id, date_trunc('hour', i.at, p.time_zone), i.period_s
) AS t
JOIN base.register AS r USING (park_id, register_id)
JOIN base.device AS d USING (device_id)
CROSS JOIN LATERAL (SELECT (3600 / t.period_s)::int8 AS expected_intervals) AS e;

CREATE VIEW public.energy_1d AS
SELECT
    e.park_id, e.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, e.at,
    e.energy_wh / 1000::float8 AS energy_kwh, e.energy_wh,
    e.good::int8 AS good, e.estimated_intervals::int8 AS estimated_intervals,
    x.expected_intervals - e.good - e.estimated_intervals AS missing_intervals,
    x.expected_intervals,
    100 * (e.good + e.estimated_intervals) / x.expected_intervals::float8 AS coverage_pct,
    e.revised_at
FROM base.energy_day AS e
JOIN base.register AS r USING (park_id, register_id)
JOIN base.device AS d USING (device_id)
JOIN base.park AS p ON p.park_id = e.park_id
CROSS JOIN LATERAL (
    SELECT (extract(epoch FROM ((e.at AT TIME ZONE p.time_zone) + INTERVAL '1 day') AT TIME ZONE p.time_zone - e.at)
        / r.period_s)::int8 AS expected_intervals
) AS x;

-- Grouped by keys, so that a filter by any of the names reaches the days before they are summed.
CREATE VIEW public.energy_1mo AS
SELECT
    t.park_id, t.register_id, t.park, t.gateway, t.device, t.device_class, t.signal, t.at,
    t.energy_wh / 1000::float8 AS energy_kwh, t.energy_wh,
    t.good, t.estimated_intervals,
    x.expected_intervals - t.good - t.estimated_intervals AS missing_intervals,
    x.expected_intervals,
    100 * (t.good + t.estimated_intervals) / x.expected_intervals::float8 AS coverage_pct,
    t.revised_at
FROM (
    SELECT
        r.park_id, r.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, r.period_s, p.time_zone,
        date_trunc('month', e.at, p.time_zone) AS at,
        sum(e.energy_wh)::int8 AS energy_wh, sum(e.good) AS good, sum(e.estimated_intervals) AS estimated_intervals,
        max(e.revised_at) AS revised_at
    FROM base.energy_day AS e
    JOIN base.register AS r USING (park_id, register_id)
    JOIN base.device AS d USING (device_id)
    JOIN base.park AS p ON p.park_id = e.park_id
    GROUP BY r.park_id, r.register_id, d.device_id, p.park_id, date_trunc('month', e.at, p.time_zone)
) AS t
CROSS JOIN LATERAL (
    SELECT (extract(epoch FROM ((t.at AT TIME ZONE t.time_zone) + INTERVAL '1 month') AT TIME ZONE t.time_zone - t.at)
        / t.period_s)::int8 AS expected_intervals
) AS x;

-- Readings, not intervals: how much of what should have come came, could be used, was flagged, was late.
CREATE VIEW public.completeness_1d AS
SELECT
    e.park_id, e.register_id, d.park, d.gateway, d.device, d.device_class, r.signal,
    (e.at AT TIME ZONE p.time_zone)::date AS day,
    e.expected, e.received, e.valid, e.estimated, e.late,
    100 * least(1, e.valid / nullif(e.expected, 0)::float8) AS coverage_pct
FROM base.energy_day AS e
JOIN base.register AS r USING (park_id, register_id)
JOIN base.device AS d USING (device_id)
JOIN base.park AS p ON p.park_id = e.park_id;

-- A day of a register: its energy, and how much of what should have come came.
CREATE VIEW public.register_days AS
SELECT
    e.park_id, e.register_id, p.district, d.park, d.gateway, d.device, d.device_class, r.signal, d.account, e.at,
    e.energy_wh / 1000::float8 AS energy_kwh, e.energy_wh, e.good, e.estimated_intervals, r.period_s,
    e.expected, e.received, e.valid, e.estimated, e.late,
    100 * least(1, e.valid / nullif(e.expected, 0)::float8) AS coverage_pct
FROM base.energy_day AS e
JOIN base.register AS r USING (park_id, register_id)
JOIN base.device AS d USING (device_id)
JOIN base.park AS p ON p.park_id = e.park_id;

-- The intervals alone, without names: sums over many of them start here.
CREATE VIEW public.energy_intervals AS
SELECT
    park_id, register_id, at, period_s, energy_wh / 1000::float8 AS energy_kwh, energy_wh, quality, expected, received,
    valid, estimated, late, revision, changed_at
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
SELECT g.park_id, d.park, d.gateway, d.device, r.signal, g.from_at, g.to_at, g.cause
FROM base.data_gap AS g
JOIN base.register AS r USING (park_id, register_id)
JOIN base.device AS d USING (device_id);

CREATE VIEW public.registers_set_aside AS
SELECT
    a.park_id, a.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, a.from_at, a.reason, a.attempts, a.since,
    a.tried_at, a.retry_at
FROM base.register_aside AS a
JOIN base.register AS r USING (park_id, register_id)
JOIN base.device AS d USING (device_id);

CREATE VIEW public.energy_progress AS
SELECT p.park, e.newest_at FROM base.energy_progress AS e JOIN base.park AS p USING (park_id);

-- What waits to be worked off.
CREATE VIEW public.store_backlog AS
SELECT 'rollup' AS work, count(*) AS entries FROM base.rollup_dirty
UNION ALL
SELECT 'energy', count(*) FROM base.energy_dirty
UNION ALL
SELECT 'declaration', count(*) FROM base.register_dirty;
