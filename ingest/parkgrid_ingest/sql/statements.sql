-- The statements of ingest, by name.

-- name: find_epochs
SELECT p.park, e.gateway, e.epoch, e.park_id, e.epoch_id
FROM unnest(%s::text[], %s::text[], %s::int8[]) AS wanted (park, gateway, epoch)
JOIN base.park AS p USING (park)
JOIN base.gateway_epoch AS e USING (park_id, gateway, epoch);

-- name: open_epochs
INSERT INTO base.gateway_epoch (park_id, gateway, epoch)
SELECT p.park_id, wanted.gateway, wanted.epoch
FROM unnest(%s::text[], %s::text[], %s::int8[]) AS wanted (park, gateway, epoch)
JOIN base.park AS p USING (park)
ORDER BY wanted.park, wanted.gateway, wanted.epoch
ON CONFLICT (park_id, gateway, epoch) DO NOTHING;

-- name: lock_epochs
SELECT p.park, e.gateway, e.epoch, e.park_id, e.epoch_id, e.committed::text, e.passed::text, e.floor, e.through
FROM unnest(%s::int4[], %s::int4[]) AS wanted (park_id, epoch_id)
JOIN base.gateway_epoch AS e USING (park_id, epoch_id)
JOIN base.park AS p USING (park_id)
ORDER BY e.epoch_id
FOR UPDATE OF e;

-- name: advance_epochs
UPDATE base.gateway_epoch AS e
SET committed = v.committed::int8multirange, passed = v.passed::int8multirange, through = v.through, floor = v.floor,
    last_received_at = greatest(e.last_received_at, to_timestamp(v.received_ms / 1000.0))
FROM unnest(%s::int4[], %s::int4[], %s::text[], %s::text[], %s::int8[], %s::int8[], %s::int8[])
    AS v (park_id, epoch_id, committed, passed, through, floor, received_ms)
WHERE e.park_id = v.park_id AND e.epoch_id = v.epoch_id;

-- name: ranges_of_epoch
SELECT e.committed::text, e.passed::text
FROM base.park AS p JOIN base.gateway_epoch AS e USING (park_id)
WHERE p.park = %s AND e.gateway = %s AND e.epoch = %s;

-- name: newest_ranges
-- of the newest epoch of each gateway of which anything was stored
SELECT wanted.park, wanted.gateway, e.epoch, e.committed::text, e.passed::text
FROM unnest(%s::text[], %s::text[]) AS wanted (park, gateway)
JOIN base.park AS p USING (park)
CROSS JOIN LATERAL (
    SELECT epoch, committed, passed FROM base.gateway_epoch AS e
    WHERE e.park_id = p.park_id AND e.gateway = wanted.gateway ORDER BY epoch DESC LIMIT 1
) AS e;

-- name: through_of_epochs
SELECT p.park, e.gateway, e.epoch, e.through
FROM unnest(%s::text[], %s::text[], %s::int8[]) AS wanted (park, gateway, epoch)
JOIN base.park AS p USING (park)
JOIN base.gateway_epoch AS e USING (park_id, gateway, epoch);

-- name: note_older
-- of the epochs up to the claimed one, the newest that has a beginning here: those before it were acknowledged before it
INSERT INTO base.store_restore (park, gateway, acked_epoch, acked_through, held_epoch, held_through, held_at)
SELECT %(park)s, %(gateway)s, %(epoch)s, %(through)s, h.epoch, h.through, h.last_received_at
FROM (VALUES (1)) AS one
LEFT JOIN LATERAL (
    SELECT e.epoch, e.through, e.last_received_at FROM base.park AS p JOIN base.gateway_epoch AS e USING (park_id)
    WHERE p.park = %(park)s AND e.gateway = %(gateway)s AND e.epoch <= %(epoch)s AND e.through > 0
    ORDER BY e.epoch DESC LIMIT 1
) AS h ON true
ON CONFLICT (park, gateway, acked_epoch) DO UPDATE
SET acked_through = greatest(store_restore.acked_through, excluded.acked_through),
    held_epoch = excluded.held_epoch, held_through = excluded.held_through
RETURNING held_epoch, held_through, xmax = 0;

-- name: restored_through
-- of gateways that a restore has concerned, up to where an epoch had been acknowledged before it
SELECT e.epoch_id, coalesce(max(r.acked_through) FILTER (WHERE r.acked_epoch = e.epoch), 0)
FROM unnest(%s::int4[], %s::int4[]) AS wanted (park_id, epoch_id)
JOIN base.gateway_epoch AS e USING (park_id, epoch_id)
JOIN base.park AS p USING (park_id)
JOIN base.store_restore AS r ON r.park = p.park AND r.gateway = e.gateway
GROUP BY e.epoch_id;

-- name: note_gaps
INSERT INTO base.sequence_gap (park_id, epoch_id, first_seq, last_seq, cause)
SELECT park_id, epoch_id, low, high - 1, cause
FROM unnest(%s::int4[], %s::int4[], %s::int8[], %s::int8[], %s::text[]) AS v (park_id, epoch_id, low, high, cause);

-- name: forget_gaps
DELETE FROM base.sequence_gap AS g
USING unnest(%s::int4[], %s::int4[], %s::int8[], %s::int8[]) AS filled (park_id, epoch_id, low, high)
WHERE g.park_id = filled.park_id AND g.epoch_id = filled.epoch_id
  AND g.first_seq < filled.high AND g.last_seq >= filled.low
RETURNING g.park_id, g.epoch_id, g.first_seq, g.last_seq + 1, g.cause;

-- name: fence_frozen_writers
SELECT pid, pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE datname = current_database()
  AND pid <> pg_backend_pid()
  AND application_name = 'parkgrid ingest commit'
  AND state IN ('active', 'idle in transaction', 'idle in transaction (aborted)')
  AND wait_event = 'ClientRead'
  AND greatest(xact_start, state_change) < now() - make_interval(secs => %s);

-- name: note_quarantine
INSERT INTO base.quarantine
    (received_at, last_received_at, park, gateway, epoch, seq, device, reason, location, content, occurrences)
SELECT at, at, park, gateway, epoch, seq, device, reason, location, content, occurrences
FROM (
    SELECT coalesce(to_timestamp(received_ms / 1000.0), now()) AS at, v.*
    FROM unnest(%s::int8[], %s::text[], %s::text[], %s::int8[], %s::int8[], %s::text[], %s::text[], %s::text[],
        %s::text[], %s::int8[])
        AS v (received_ms, park, gateway, epoch, seq, device, reason, location, content, occurrences)
) AS found
ON CONFLICT (park, gateway, epoch, seq, device, reason, md5(location)) DO UPDATE
SET occurrences = quarantine.occurrences + excluded.occurrences, last_received_at = excluded.last_received_at;

-- name: sum_up_quarantine
-- The newest of each gateway stay: whoever fills the table has his own summed up, and nobody else's.
WITH old AS (
    DELETE FROM base.quarantine
    WHERE quarantine_id = ANY (ARRAY(
        SELECT quarantine_id
        FROM (
            SELECT quarantine_id, row_number() OVER (PARTITION BY park, gateway ORDER BY quarantine_id DESC) AS place
            FROM base.quarantine WHERE location <> '(older)'
        ) AS ranked
        ORDER BY place, quarantine_id DESC OFFSET %s
    ))
    RETURNING *
)
INSERT INTO base.quarantine
    (received_at, last_received_at, park, gateway, reason, location, content, occurrences)
SELECT min(received_at), max(last_received_at), park, gateway, reason, '(older)', '', sum(occurrences)
FROM old GROUP BY park, gateway, reason
ON CONFLICT (park, gateway, epoch, seq, device, reason, md5(location)) DO UPDATE
SET occurrences = quarantine.occurrences + excluded.occurrences,
    last_received_at = greatest(quarantine.last_received_at, excluded.last_received_at);

-- name: forget_conflicts
DELETE FROM base.conflict AS c
USING (
    SELECT park_id, conflict_id
    FROM (
        SELECT
            c.park_id, c.conflict_id,
            row_number() OVER (PARTITION BY c.park_id, d.gateway ORDER BY c.conflict_id DESC) AS place
        FROM base.conflict AS c LEFT JOIN base.device AS d USING (device_id)
    ) AS ranked
    ORDER BY place, conflict_id DESC OFFSET %s
) AS old
WHERE c.park_id = old.park_id AND c.conflict_id = old.conflict_id;

-- name: notify
SELECT pg_notify('parkgrid_commit', payload) FROM unnest(%s::text[]) AS payload;

-- name: note_dirty
INSERT INTO base.rollup_dirty (park_id, device_class, level, devices, minutes)
SELECT park_id, %(device_class)s, %(level)s, array_agg(device), array_agg(minute)
FROM unnest(%(parks)s::int4[], %(devices)s::int4[], %(minutes)s::int4[]) AS touched (park_id, device, minute)
GROUP BY park_id;

-- name: note_estimates
INSERT INTO base.estimate (park_id, device_id, signal, at)
SELECT park_id, device_id, signal, to_timestamp(minute * 60.0)
FROM unnest(%s::int4[], %s::int4[], %s::text[], %s::int4[]) AS noted (park_id, device_id, signal, minute)
ON CONFLICT DO NOTHING;

-- name: ensure_days
SELECT base.ensure_days(%s, %s::date[], %s::date);

-- name: known_days
-- a partition is named by its day, or by its month: class_YYYYMM
SELECT day::date
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
CROSS JOIN LATERAL (SELECT substring(c.relname FROM '[0-9]+$') AS text) AS named
CROSS JOIN LATERAL generate_series(
    to_date(named.text, 'YYYYMMDD'),
    to_date(named.text, 'YYYYMMDD')
        + CASE length(named.text) WHEN 6 THEN INTERVAL '1 month -1 day' ELSE INTERVAL '0' END,
    INTERVAL '1 day'
) AS day
WHERE i.inhparent = to_regclass('base.' || quote_ident(%s));

-- name: lock_park
-- its key does not change: rows that refer to it are written on, by a round of metering that `move_days` waits for
SELECT park_id, time_zone, latitude, longitude FROM base.park WHERE park = %s FOR NO KEY UPDATE;

-- name: describe_park
UPDATE base.park
SET district = %(district)s, name_zh = %(name_zh)s, name_en = %(name_en)s, time_zone = %(time_zone)s,
    latitude = coalesce(%(latitude)s, latitude), longitude = coalesce(%(longitude)s, longitude)
WHERE park_id = %(park_id)s
RETURNING time_zone, latitude, longitude;

-- name: move_days
SELECT base.move_days(%s);

-- name: spread_anew
SELECT base.spread_anew(%s);

-- name: ensure_park
-- without a number spent where it is known
INSERT INTO base.park (park)
SELECT wanted.park FROM unnest(%s::text[]) AS wanted (park)
WHERE NOT EXISTS (SELECT FROM base.park AS p WHERE p.park = wanted.park)
ORDER BY wanted.park
ON CONFLICT DO NOTHING;

-- name: upsert_gateway
-- a birth that the broker kept is no sign of life
INSERT INTO base.gateway_birth (park, gateway, epoch, agent_version, simulated, birth_at)
VALUES (%(park)s, %(gateway)s, %(epoch)s, %(agent_version)s, %(simulated)s, to_timestamp(%(birth_ms)s / 1000.0))
ON CONFLICT (park, gateway) DO UPDATE
SET epoch = excluded.epoch, agent_version = excluded.agent_version, simulated = excluded.simulated,
    birth_at = excluded.birth_at, imported = false,
    received_at = CASE WHEN %(retained)s THEN gateway_birth.received_at ELSE now() END
WHERE gateway_birth.epoch <= excluded.epoch
RETURNING epoch;

-- name: mark_imported
UPDATE base.gateway_birth SET imported = true WHERE park = %s AND gateway = %s;

-- name: upsert_device
-- An identity spends a number for each row that is offered: only what is new is inserted.
WITH changed AS (
    UPDATE base.device
    SET name = %(name)s, model = %(model)s, firmware = %(firmware)s, period_s = %(period_s)s, ratings = %(ratings)s,
        signals = %(signals)s, station = %(station)s, line = %(line)s, transformer = %(transformer)s,
        account = %(account)s, problem = %(problem)s, retired = false
    WHERE park = %(park)s AND gateway = %(gateway)s AND device = %(device)s AND device_class = %(device_class)s
      AND (name, model, firmware, period_s, ratings, signals, station, line, transformer, account, problem, retired)
       IS DISTINCT FROM
          (%(name)s, %(model)s, %(firmware)s, %(period_s)s, %(ratings)s, %(signals)s, %(station)s, %(line)s,
           %(transformer)s, %(account)s, %(problem)s, false)
)
INSERT INTO base.device (park_id, park, gateway, device, device_class, name, model, firmware, period_s, ratings, signals,
    station, line, transformer, account, problem)
SELECT p.park_id, p.park, %(gateway)s, %(device)s, %(device_class)s, %(name)s, %(model)s, %(firmware)s, %(period_s)s,
    %(ratings)s, %(signals)s, %(station)s, %(line)s, %(transformer)s, %(account)s, %(problem)s
FROM base.park AS p
WHERE p.park = %(park)s AND NOT EXISTS (
    SELECT FROM base.device
    WHERE park = %(park)s AND gateway = %(gateway)s AND device = %(device)s AND device_class = %(device_class)s
)
ON CONFLICT DO NOTHING;

-- name: retire_devices
UPDATE base.device SET retired = true
WHERE park = %s AND gateway = %s AND NOT retired AND NOT (device || '/' || device_class) = ANY(%s);

-- name: devices_of_gateway
SELECT device, device_id, device_class FROM base.device WHERE park = %s AND gateway = %s AND NOT retired;

-- name: rated_kw
SELECT device_id, (ratings ->> 'rated_power_kw')::float8 FROM base.device
WHERE ratings ? 'rated_power_kw' AND (%(park)s::text IS NULL OR (park, gateway) = (%(park)s, %(gateway)s));

-- name: live_since
SELECT park, gateway, (extract(epoch FROM min(d.first_seen_at)) * 1000)::int8
FROM base.gateway_birth AS b JOIN base.device AS d USING (park, gateway)
WHERE (%(simulated)s OR NOT b.simulated) AND (%(park)s::text IS NULL OR (park, gateway) = (%(park)s, %(gateway)s))
GROUP BY park, gateway;

-- name: registry
SELECT b.park, b.gateway, d.device, d.device_id, d.device_class
FROM base.gateway_birth AS b
LEFT JOIN base.device AS d ON d.park = b.park AND d.gateway = b.gateway
ORDER BY d.retired DESC;  -- what a device is now stands after what it was

-- name: count_unchanged_devices
SELECT count(*)
FROM unnest(%s::int4[], %s::text[], %s::text[], %s::text[], %s::text[])
    AS told (device_id, park, gateway, device, device_class)
JOIN base.device AS d USING (device_id, park, gateway, device, device_class);

-- name: epoch_of_gateway
SELECT epoch FROM base.gateway_birth WHERE park = %s AND gateway = %s;

-- name: retired_gateways
SELECT park, gateway FROM base.gateway_retired;

-- name: registry_change
SELECT change FROM base.registry_change;

-- name: set_status
UPDATE base.gateway_birth
SET online = %(online)s, status_epoch = %(epoch)s, status_at = to_timestamp(%(at_ms)s / 1000.0),
    status_received_at = coalesce(to_timestamp(%(heard_ms)s::float8 / 1000.0), status_received_at)
WHERE park = %(park)s AND gateway = %(gateway)s
  AND (%(online)s OR %(epoch)s >= greatest(epoch, status_epoch));

-- name: copy_rows
COPY {table} ({columns}) FROM STDIN (FORMAT binary);

-- name: create_staging
CREATE TEMP TABLE IF NOT EXISTS {staging} (LIKE {table}, ordinal int8 GENERATED ALWAYS AS IDENTITY)
ON COMMIT DELETE ROWS;

-- name: insert_staged
INSERT INTO {table} ({columns})
SELECT DISTINCT ON (park_id, device_id, at) {columns} FROM {staging} ORDER BY park_id, device_id, at, ordinal
ON CONFLICT (park_id, device_id, at) DO NOTHING;

-- name: note_conflicts
-- all of them are counted, so many are written down
WITH found AS MATERIALIZED (
    SELECT s.park_id, s.received_at, s.device_id, s.at, {kept} AS kept, {refused} AS refused
    FROM (
        SELECT *, row_number() OVER (PARTITION BY park_id, device_id, at ORDER BY ordinal) AS place FROM {staging}
    ) AS s
    JOIN {table} AS b ON b.park_id = s.park_id AND b.device_id = s.device_id AND b.at = s.at
    WHERE NOT (s.place = 1 AND b.epoch_id = s.epoch_id AND b.seq = s.seq)
      AND ROW({kept_columns}) IS DISTINCT FROM ROW({refused_columns})
),
noted AS (
    INSERT INTO base.conflict (park_id, received_at, device_id, device_class, at, kept, refused)
    SELECT park_id, received_at, device_id, {device_class}, at, kept, refused FROM found LIMIT %(most)s
)
SELECT count(*) FROM found;

-- name: create_newest_staging
CREATE TEMP TABLE IF NOT EXISTS {staging} (LIKE {table}) ON COMMIT DELETE ROWS;

-- name: replace_newest
-- In one order, so that two writers cannot wait for each other.
INSERT INTO {table} AS known ({columns})
SELECT {columns} FROM {staging} ORDER BY park_id, device_id
ON CONFLICT (park_id, device_id) DO UPDATE SET {assignments} WHERE excluded.at > known.at;

-- name: forget_newest
DELETE FROM {table} WHERE park_id = ANY(%s) AND at >= %s AND at < %s;

-- name: dirty_classes
SELECT park_id, device_class, level FROM base.rollup_dirty
GROUP BY park_id, device_class, level ORDER BY park_id, device_class, level;

-- name: one_keeper
-- of a park
SELECT pg_try_advisory_xact_lock(hashtext('parkgrid.maintain'), %s);

-- name: one_keeper_of_parks
-- all of them are tried, so that the answer holds for each
SELECT coalesce(bool_and(taken), true) FROM (
    SELECT pg_try_advisory_xact_lock(hashtext('parkgrid.maintain'), park_id) AS taken
    FROM base.park WHERE park = ANY(%s)
) AS of_park;

-- name: take_dirty
DELETE FROM base.rollup_dirty
WHERE park_id = %(park_id)s AND dirty_id IN (
    SELECT dirty_id FROM (
        SELECT dirty_id, sum(cardinality(minutes)) OVER (ORDER BY dirty_id) - cardinality(minutes) AS before
        FROM (
            SELECT dirty_id, minutes FROM base.rollup_dirty
            WHERE park_id = %(park_id)s AND device_class = %(device_class)s AND level = %(level)s
            ORDER BY dirty_id LIMIT 2000
        ) AS oldest
    ) AS counted
    WHERE before < %(most)s
)
RETURNING devices, minutes;

-- name: note_energy
WITH noted AS (INSERT INTO base.energy_dirty (park_id, device_class, devices, slots) VALUES (%s, %s, %s, %s))
SELECT pg_notify('parkgrid_energy_dirty', '');

-- name: dirty_left
SELECT EXISTS (
    SELECT FROM base.rollup_dirty
    WHERE park_id = %(park_id)s AND device_class = %(device_class)s AND level = %(level)s
);

-- name: newest
SELECT relation, newest_at FROM public.store_progress WHERE newest_at IS NOT NULL;

-- name: note_newest
INSERT INTO base.rollup_progress (park_id, relation, newest_at)
SELECT %s, * FROM unnest(%s::text[], %s::timestamptz[])
ON CONFLICT (park_id, relation) DO UPDATE SET newest_at = greatest(rollup_progress.newest_at, excluded.newest_at);

-- name: note_kept_from
INSERT INTO base.rollup_progress (park_id, relation, kept_from)
SELECT park_id, %s, %s FROM base.park WHERE park = ANY(%s)
ON CONFLICT (park_id, relation) DO UPDATE SET kept_from = greatest(rollup_progress.kept_from, excluded.kept_from);

-- name: recompute
INSERT INTO {target} ({columns})
SELECT %(park_id)s, d.device_id, d.start, r.*
FROM (
    SELECT device_id, to_timestamp(minute * 60.0) AS start, to_timestamp((minute + {minutes}) * 60.0) AS stop
    FROM unnest(%(devices)s, %(minutes)s) AS dirty (device_id, minute)
) AS d
CROSS JOIN LATERAL (
    SELECT {expressions} FROM {source} AS s
    WHERE s.park_id = %(park_id)s AND s.device_id = d.device_id AND s.at >= d.start AND s.at < d.stop
      AND s.at >= %(low)s AND s.at < %(high)s
) AS r
WHERE r.samples > 0
ON CONFLICT (park_id, device_id, at) DO UPDATE SET {assignments};

-- name: take_notes
DELETE FROM base.rollup_dirty
WHERE park_id = %(park_id)s AND dirty_id IN (
    SELECT dirty_id FROM base.rollup_dirty
    WHERE park_id = %(park_id)s AND device_class = %(device_class)s AND level = '1m' ORDER BY dirty_id LIMIT %(most)s
)
RETURNING devices, minutes;

-- name: recompute_span
INSERT INTO {target} ({columns})
SELECT s.park_id, s.device_id, date_bin({width}, s.at, {origin}) AS start, {expressions}
FROM {source} AS s
WHERE s.park_id = %(park_id)s AND s.device_id = ANY(%(devices)s) AND s.at >= %(low)s AND s.at < %(high)s
  AND (
    SELECT true FROM {singles} AS o
    WHERE o.park_id = %(park_id)s AND o.device_id = s.device_id AND o.at = date_bin('15 minutes', s.at, {origin})
  ) IS NULL
GROUP BY s.park_id, s.device_id, start
ON CONFLICT (park_id, device_id, at) DO UPDATE SET {assignments};

-- name: recompute_days
-- One day of one device after the other: its rows then come in order from the key, and nothing is sorted.
INSERT INTO {target} ({columns})
SELECT %(park_id)s, d.device_id, b.at, whole.*
FROM unnest(%(devices)s) AS d (device_id)
CROSS JOIN generate_series(
    %(low)s::timestamptz, %(high)s::timestamptz - INTERVAL '24 hours', INTERVAL '24 hours'
) AS b (at)
CROSS JOIN LATERAL (
    SELECT {expressions} FROM {source} AS s
    WHERE s.park_id = %(park_id)s AND s.device_id = d.device_id AND s.at >= b.at AND s.at < b.at + INTERVAL '24 hours'
    HAVING count(*) > 0
) AS whole
ON CONFLICT (park_id, device_id, at) DO UPDATE SET {assignments};

-- name: insert_single
-- Nothing where a bucket holds two rows or is there already. One statement, so that rows which are committed meanwhile
-- are seen by both halves or by none. Rows are sorted while they are narrow: a roll-up has four columns for one.
INSERT INTO {target} ({columns})
SELECT s.park_id, s.device_id, date_bin({width}, s.at, {origin}), {expressions}
FROM (
    SELECT * FROM {source} AS a
    WHERE park_id = %(park_id)s AND device_id = ANY(%(devices)s) AND at >= %(low)s AND at < %(high)s
      AND (
        SELECT true FROM {singles} AS o
        WHERE o.park_id = %(park_id)s AND o.device_id = a.device_id AND o.at = date_bin('15 minutes', a.at, {origin})
      ) IS NULL
      AND (
        SELECT NOT EXISTS (
            SELECT FROM {source} AS r
            WHERE r.park_id = %(park_id)s AND r.device_id = ANY(%(devices)s) AND r.at >= %(low)s AND r.at < %(high)s
            GROUP BY r.device_id, date_bin({width}, r.at, {origin})
            HAVING count(*) > 1
        ) AND NOT EXISTS (
            SELECT FROM {target} AS t
            WHERE t.park_id = %(park_id)s AND t.device_id = ANY(%(devices)s) AND t.at >= %(low)s AND t.at < %(high)s
        )
      )
    ORDER BY device_id, at
) AS s;

-- Single readings of a quarter of an hour. They are looked for one by one along the key (LIMIT and scalar subqueries keep it
-- so): of a table that has just been filled the planner knows nothing.

-- name: with_singles
SELECT {columns} FROM {stored} UNION ALL SELECT park_id, device_id, at, {expressions} FROM {singles}

-- name: known_singles
SELECT o.device_id, q.minute
FROM unnest(%(devices)s, %(minutes)s) AS q (device_id, minute)
CROSS JOIN LATERAL (
    SELECT o.device_id FROM {singles} AS o
    WHERE o.park_id = %(park_id)s AND o.device_id = q.device_id AND o.at = to_timestamp(q.minute * 60.0) LIMIT 1
) AS o;

-- name: forget_singles
-- of which there are more readings by now; until its quarter of an hour is computed again, it is what it was
WITH gone AS (
    DELETE FROM {singles} AS o
    USING unnest(%(devices)s, %(minutes)s) AS q (device_id, minute)
    WHERE o.park_id = %(park_id)s AND o.device_id = q.device_id AND o.at = to_timestamp(q.minute * 60.0)
      AND 1 < (
        SELECT count(*) FROM {raw} AS r
        WHERE r.park_id = %(park_id)s AND r.device_id = o.device_id AND r.at >= o.at AND r.at < o.at + INTERVAL {quarter}
          AND r.at >= %(low)s AND r.at < %(high)s
      )
    RETURNING o.*
), kept AS (
    INSERT INTO {quarters} ({columns}) SELECT park_id, device_id, at, {expressions} FROM gone ON CONFLICT DO NOTHING
)
SELECT device_id, (extract(epoch FROM at) / 60)::int4 FROM gone;

-- name: insert_singles
INSERT INTO {singles} (park_id, device_id, at, {signals})
SELECT %(park_id)s, q.device_id, q.at, r.*
FROM (
    SELECT device_id, to_timestamp(minute * 60.0) AS at FROM unnest(%(devices)s, %(minutes)s) AS bucket (device_id, minute)
) AS q
LEFT JOIN base.device AS d USING (device_id)
CROSS JOIN LATERAL (
    SELECT {signals} FROM {raw} AS r
    WHERE r.park_id = %(park_id)s AND r.device_id = q.device_id AND r.at >= q.at AND r.at < q.at + INTERVAL {minute}
      AND r.at >= %(low)s AND r.at < %(high)s
    LIMIT 1
) AS r
WHERE (d.period_s >= extract(epoch FROM INTERVAL {quarter}) OR q.at + INTERVAL {quarter} <= %(now)s)
  AND 1 = (
    SELECT count(*) FROM {raw} AS r
    WHERE r.park_id = %(park_id)s AND r.device_id = q.device_id AND r.at >= q.at AND r.at < q.at + INTERVAL {quarter}
      AND r.at >= %(low)s AND r.at < %(high)s
  )
  AND (
    SELECT true FROM {minutes} AS t WHERE t.park_id = %(park_id)s AND t.device_id = q.device_id AND t.at = q.at
  ) IS NULL
  AND (
    SELECT true FROM {quarters} AS t WHERE t.park_id = %(park_id)s AND t.device_id = q.device_id AND t.at = q.at
  ) IS NULL
ON CONFLICT DO NOTHING
RETURNING device_id, (extract(epoch FROM at) / 60)::int4;

-- name: forget_singles_of_span
DELETE FROM {singles} AS o
WHERE o.park_id = %(park_id)s AND o.device_id = ANY(%(devices)s) AND o.at >= %(low)s AND o.at < %(high)s
  AND 1 < (
    SELECT count(*) FROM {raw} AS r
    WHERE r.park_id = %(park_id)s AND r.device_id = o.device_id AND r.at >= o.at AND r.at < o.at + INTERVAL {quarter}
      AND r.at >= %(low)s AND r.at < %(high)s
  );

-- name: insert_singles_of_span
INSERT INTO {singles} (park_id, device_id, at, {signals})
SELECT %(park_id)s, device_id, quarter, {signals}
FROM (
    SELECT device_id, at, {signals}, date_bin({quarter}, at, {origin}) AS quarter,
        lag(at) OVER of_device AS before, lead(at) OVER of_device AS after
    FROM {raw} WHERE park_id = %(park_id)s AND device_id = ANY(%(devices)s) AND at >= %(low)s AND at < %(high)s
    WINDOW of_device AS (PARTITION BY device_id ORDER BY at)
) AS r
WHERE r.at < r.quarter + INTERVAL {minute}
  AND (r.before IS NULL OR r.before < r.quarter) AND (r.after IS NULL OR r.after >= r.quarter + INTERVAL {quarter})
  AND (
    0 = (
        SELECT count(*) FROM {quarters}
        WHERE park_id = %(park_id)s AND device_id = ANY(%(devices)s) AND at >= %(low)s AND at < %(high)s
    ) + (
        SELECT count(*) FROM {minutes}
        WHERE park_id = %(park_id)s AND device_id = ANY(%(devices)s) AND at >= %(low)s AND at < %(high)s
    )
    OR (
        SELECT true FROM {quarters} AS t
        WHERE t.park_id = %(park_id)s AND t.device_id = r.device_id AND t.at = r.quarter
    ) IS NULL AND (
        SELECT true FROM {minutes} AS t
        WHERE t.park_id = %(park_id)s AND t.device_id = r.device_id AND t.at = r.quarter
    ) IS NULL
  )
ON CONFLICT DO NOTHING;

-- name: any_beside_singles
SELECT (
    SELECT count(*) FROM {raw}
    WHERE park_id = %(park_id)s AND device_id = ANY(%(devices)s) AND at >= %(low)s AND at < %(high)s
) > (
    SELECT count(*) FROM {singles}
    WHERE park_id = %(park_id)s AND device_id = ANY(%(devices)s) AND at >= %(low)s AND at < %(high)s
);

-- name: give_up_singles
WITH gone AS (
    DELETE FROM {singles}
    WHERE park_id = %(park_id)s AND device_id = %(device)s AND at >= %(low)s AND at < %(high)s
    RETURNING *
)
INSERT INTO {stored} ({columns}) SELECT park_id, device_id, at, {expressions} FROM gone ON CONFLICT DO NOTHING;

-- Retention

-- name: is_partitioned
SELECT EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = to_regclass('base.' || quote_ident(%s)));

-- name: partition_names
SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass('base.' || quote_ident(%s))
ORDER BY c.relname;

-- name: chunks
SELECT chunk_name, range_start, range_end FROM timescaledb_information.chunks
WHERE hypertable_schema = 'base' AND hypertable_name = %s
ORDER BY range_start;

-- name: months_of_days
SELECT DISTINCT date_trunc('month', at, 'Asia/Shanghai') FROM {days} WHERE at < %s ORDER BY 1;

-- name: newest_days
SELECT park, at
FROM (
    SELECT park, at, row_number() OVER (PARTITION BY park ORDER BY at DESC) AS place
    FROM (
        SELECT DISTINCT p.park, r.at FROM {days} AS r JOIN base.park AS p USING (park_id) WHERE r.at <= %(now)s
    ) AS day
) AS counted
WHERE place <= %(count)s;

-- name: days_that_may_go
-- days before the border of their park, of which something is left
SELECT DISTINCT r.at
FROM {days} AS r
JOIN base.park AS p USING (park_id)
JOIN unnest(%(parks)s::text[], %(borders)s::timestamptz[]) AS b (park, border) ON b.park = p.park
LEFT JOIN base.removed_span AS s ON s.relation = %(relation)s AND s.park = p.park
WHERE r.at < b.border AND NOT coalesce(s.spans @> tstzrange(r.at, r.at + INTERVAL '24 hours'), false)
ORDER BY r.at;

-- name: rows_of_span
SELECT p.park, r.park_id, r.device_id, r.rows
FROM (
    SELECT park_id, device_id, count(*) AS rows FROM {source}
    WHERE at >= %(low)s AND at < %(high)s GROUP BY park_id, device_id
) AS r
JOIN base.park AS p USING (park_id);

-- name: rows_of_keyed_span
-- the same along the key, park after park and device after device: an instant alone finds nothing in it
SELECT p.park, p.park_id, found.device_id, r.rows
FROM base.park AS p
CROSS JOIN LATERAL (
    WITH RECURSIVE found AS (
        SELECT min(s.device_id) AS device_id FROM {source} AS s WHERE s.park_id = p.park_id
        UNION ALL
        SELECT (
            SELECT min(s.device_id) FROM {source} AS s WHERE s.park_id = p.park_id AND s.device_id > found.device_id
        )
        FROM found WHERE found.device_id IS NOT NULL
    )
    SELECT device_id FROM found WHERE device_id IS NOT NULL
) AS found
CROSS JOIN LATERAL (
    SELECT count(*) AS rows FROM {source} AS s
    WHERE s.park_id = p.park_id AND s.device_id = found.device_id AND s.at >= %(low)s AND s.at < %(high)s
) AS r
WHERE r.rows > 0;

-- name: remove_rows
SELECT base.remove_rows(%s, %s, %s, %s);

-- name: remove_part
SELECT base.remove_part(%s, %s, %s, %s, %s);

-- name: rollup_waits
SELECT true
FROM base.rollup_dirty AS n, (VALUES (%s, %s::timestamptz, %s::timestamptz)) AS part (class, low, high)
WHERE n.device_class = part.class AND n.park_id = ANY(%s) AND EXISTS (
    SELECT FROM unnest(n.minutes) AS m
    WHERE m >= extract(epoch FROM part.low) / 60 AND m < extract(epoch FROM part.high) / 60
)
LIMIT 1;

-- name: delete_span
DELETE FROM {target} WHERE park_id = %(park_id)s AND device_id = %(device)s AND at >= %(low)s AND at < %(high)s;

-- name: open_removals
SELECT relation, part, from_at, to_at, rows, parks, due_at FROM base.removal WHERE removed_at IS NULL;

-- name: announce_removal
INSERT INTO base.removal (relation, part, from_at, to_at, rows, parks, kept_days, announced_at, due_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (relation, part) WHERE removed_at IS NULL DO UPDATE
SET rows = excluded.rows, parks = excluded.parks, kept_days = excluded.kept_days,
    announced_at = excluded.announced_at, due_at = excluded.due_at;

-- name: withdraw_removal
DELETE FROM base.removal WHERE relation = %s AND part = %s AND removed_at IS NULL;

-- name: note_removal
UPDATE base.removal SET removed_at = %s WHERE relation = %s AND part = %s AND removed_at IS NULL;

-- name: note_removed_span
INSERT INTO base.removed_span (relation, park, spans)
SELECT %s, park, tstzmultirange(tstzrange(%s, %s)) FROM unnest(%s::text[]) AS park
ON CONFLICT (relation, park) DO UPDATE SET spans = removed_span.spans + excluded.spans;

-- name: told_removals
SELECT relation, from_at, to_at, rows, parks, kept_days, announced_at, due_at, removed_at
FROM public.removals
ORDER BY removed_at NULLS LAST, due_at, relation, from_at;

-- name: removed_spans
SELECT s.relation, lower(span), upper(span)
FROM base.park AS p JOIN base.removed_span AS s USING (park), unnest(s.spans) AS span
WHERE p.park_id = %s;

-- name: list_gateways
SELECT coalesce(b.park, r.park), coalesce(b.gateway, r.gateway), b.online, b.imported, b.epoch, d.present, d.retired,
    r.reason, r.retired_by, r.retired_at::text, q.refused, greatest(b.received_at, b.status_received_at, e.heard_at)
FROM base.gateway_birth AS b
FULL JOIN base.gateway_retired AS r ON r.park = b.park AND r.gateway = b.gateway
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE NOT d.retired) AS present, count(*) FILTER (WHERE d.retired) AS retired
    FROM base.device AS d WHERE d.park = b.park AND d.gateway = b.gateway
) AS d ON true
LEFT JOIN LATERAL (
    SELECT sum(q.occurrences)::int8 AS refused FROM base.quarantine AS q
    WHERE q.park = coalesce(b.park, r.park) AND q.gateway = coalesce(b.gateway, r.gateway)
) AS q ON true
LEFT JOIN LATERAL (
    SELECT max(e.last_received_at) AS heard_at FROM base.park AS p JOIN base.gateway_epoch AS e USING (park_id)
    WHERE p.park = b.park AND e.gateway = b.gateway
) AS e ON true
WHERE %(park)s::text IS NULL OR coalesce(b.park, r.park) = %(park)s
ORDER BY 1, 2;

-- name: note_retired_gateway
INSERT INTO base.gateway_retired (park, gateway, reason, retired_by) VALUES (%s, %s, %s, %s)
ON CONFLICT (park, gateway) DO UPDATE
SET reason = excluded.reason, retired_by = excluded.retired_by, retired_at = now();

-- name: retire_gateway_devices
UPDATE base.device SET retired = true WHERE park = %s AND gateway = %s AND NOT retired;

-- name: forget_retired_gateway
DELETE FROM base.gateway_retired WHERE park = %s AND gateway = %s;

-- name: note_registry_change
UPDATE base.registry_change SET change = change + 1;

-- name: forget_newest_epoch
-- any birth is newer than 0; an epoch of which nothing was stored is none
WITH empty AS (
    DELETE FROM base.gateway_epoch AS e
    USING base.park AS p
    WHERE p.park = %(park)s AND e.park_id = p.park_id AND e.gateway = %(gateway)s AND isempty(e.committed)
      AND NOT EXISTS (
        SELECT FROM base.sequence_gap AS g WHERE g.park_id = e.park_id AND g.epoch_id = e.epoch_id
      )
)
UPDATE base.gateway_birth SET epoch = 0, status_epoch = NULL WHERE park = %(park)s AND gateway = %(gateway)s;

-- name: lock_epochs_of_gateway
SELECT e.epoch_id FROM base.gateway_epoch AS e JOIN base.park AS p USING (park_id)
WHERE p.park = %s AND e.gateway = %s ORDER BY e.epoch_id FOR UPDATE OF e;

-- name: classes_of_gateway
SELECT device_class, park_id, array_agg(device_id) FROM base.device WHERE park = %s AND gateway = %s
GROUP BY device_class, park_id;

-- name: devices_with_rows
SELECT d.device_id FROM unnest(%(devices)s::int4[]) AS d (device_id)
WHERE EXISTS (SELECT FROM {source} AS r WHERE r.park_id = %(park_id)s AND r.device_id = d.device_id);

-- name: devices_with_energy
SELECT DISTINCT g.device_id FROM base.register AS g
WHERE g.park_id = %(park_id)s AND g.device_id = ANY(%(devices)s) AND (
    EXISTS (
        SELECT FROM base.interval_energy AS i WHERE i.park_id = g.park_id AND i.register_id = g.register_id
    ) OR EXISTS (
        SELECT FROM base.register_declaration AS n WHERE n.park_id = g.park_id AND n.register_id = g.register_id
    )
);

-- name: remove_devices
WITH gone AS (SELECT park_id, register_id FROM base.register WHERE park_id = %(park_id)s AND device_id = ANY(%(devices)s)),
a AS (DELETE FROM base.register_dirty WHERE (park_id, register_id) IN (SELECT * FROM gone)),
b AS (DELETE FROM base.register_aside WHERE (park_id, register_id) IN (SELECT * FROM gone)),
c AS (DELETE FROM base.register_belief WHERE (park_id, register_id) IN (SELECT * FROM gone)),
d AS (DELETE FROM base.register_finding WHERE (park_id, register_id) IN (SELECT * FROM gone)),
e AS (DELETE FROM base.data_gap WHERE (park_id, register_id) IN (SELECT * FROM gone)),
f AS (DELETE FROM base.register WHERE (park_id, register_id) IN (SELECT * FROM gone))
DELETE FROM base.device WHERE park_id = %(park_id)s AND device_id = ANY(%(devices)s);

-- name: remove_gateway
WITH epoch AS (
    SELECT e.park_id, e.epoch_id FROM base.gateway_epoch AS e JOIN base.park AS p USING (park_id)
    WHERE p.park = %(park)s AND e.gateway = %(gateway)s
),
a AS (DELETE FROM base.sequence_gap WHERE (park_id, epoch_id) IN (SELECT * FROM epoch)),
b AS (DELETE FROM base.gateway_epoch WHERE (park_id, epoch_id) IN (SELECT * FROM epoch))
DELETE FROM base.gateway_birth WHERE park = %(park)s AND gateway = %(gateway)s;

-- name: remove_empty_park
-- one that a birth alone has made
DELETE FROM base.park AS p
WHERE p.park = %s AND p.district = '' AND p.name_zh = '' AND p.name_en = '' AND p.latitude IS NULL
  AND NOT EXISTS (SELECT FROM base.gateway_birth AS b WHERE b.park = p.park);
