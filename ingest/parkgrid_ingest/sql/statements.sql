-- The statements of ingest, by name.

-- name: find_epochs
SELECT e.park, e.gateway, e.epoch, e.epoch_id
FROM unnest(%s::text[], %s::text[], %s::int8[]) AS wanted (park, gateway, epoch)
JOIN base.gateway_epoch AS e USING (park, gateway, epoch);

-- name: open_epochs
INSERT INTO base.gateway_epoch (park, gateway, epoch)
SELECT park, gateway, epoch FROM unnest(%s::text[], %s::text[], %s::int8[]) AS wanted (park, gateway, epoch)
ORDER BY park, gateway, epoch
ON CONFLICT (park, gateway, epoch) DO NOTHING;

-- name: lock_epochs
SELECT park, gateway, epoch, epoch_id, committed::text, passed::text, floor, through
FROM base.gateway_epoch WHERE epoch_id = ANY(%s)
ORDER BY epoch_id
FOR UPDATE;

-- name: advance_epochs
UPDATE base.gateway_epoch AS e
SET committed = v.committed::int8multirange, passed = v.passed::int8multirange, through = v.through, floor = v.floor,
    last_received_at = greatest(e.last_received_at, to_timestamp(v.received_ms / 1000.0))
FROM unnest(%s::int4[], %s::text[], %s::text[], %s::int8[], %s::int8[], %s::int8[])
    AS v (epoch_id, committed, passed, through, floor, received_ms)
WHERE e.epoch_id = v.epoch_id;

-- name: ranges_of_epoch
SELECT committed::text, passed::text FROM base.gateway_epoch WHERE park = %s AND gateway = %s AND epoch = %s;

-- name: newest_ranges
-- of the newest epoch of each gateway of which anything was stored
SELECT wanted.park, wanted.gateway, e.epoch, e.committed::text, e.passed::text
FROM unnest(%s::text[], %s::text[]) AS wanted (park, gateway)
CROSS JOIN LATERAL (
    SELECT epoch, committed, passed FROM base.gateway_epoch AS e
    WHERE e.park = wanted.park AND e.gateway = wanted.gateway ORDER BY epoch DESC LIMIT 1
) AS e;

-- name: through_of_epochs
SELECT e.park, e.gateway, e.epoch, e.through
FROM unnest(%s::text[], %s::text[], %s::int8[]) AS wanted (park, gateway, epoch)
JOIN base.gateway_epoch AS e USING (park, gateway, epoch);

-- name: note_older
-- of the epochs up to the claimed one, the newest that has a beginning here: those before it were acknowledged before it
INSERT INTO base.store_restore (park, gateway, acked_epoch, acked_through, held_epoch, held_through, held_at)
SELECT %(park)s, %(gateway)s, %(epoch)s, %(through)s, h.epoch, h.through, h.last_received_at
FROM (VALUES (1)) AS one
LEFT JOIN LATERAL (
    SELECT e.epoch, e.through, e.last_received_at FROM base.gateway_epoch AS e
    WHERE e.park = %(park)s AND e.gateway = %(gateway)s AND e.epoch <= %(epoch)s AND e.through > 0
    ORDER BY e.epoch DESC LIMIT 1
) AS h ON true
ON CONFLICT (park, gateway, acked_epoch) DO UPDATE
SET acked_through = greatest(store_restore.acked_through, excluded.acked_through),
    held_epoch = excluded.held_epoch, held_through = excluded.held_through
RETURNING held_epoch, held_through, xmax = 0;

-- name: restored_through
-- of gateways that a restore has concerned, up to where an epoch had been acknowledged before it
SELECT e.epoch_id, coalesce(max(r.acked_through) FILTER (WHERE r.acked_epoch = e.epoch), 0)
FROM base.gateway_epoch AS e JOIN base.store_restore AS r USING (park, gateway)
WHERE e.epoch_id = ANY(%s)
GROUP BY e.epoch_id;

-- name: note_gaps
INSERT INTO base.sequence_gap (epoch_id, first_seq, last_seq, cause)
SELECT epoch_id, low, high - 1, cause
FROM unnest(%s::int4[], %s::int8[], %s::int8[], %s::text[]) AS v (epoch_id, low, high, cause);

-- name: forget_gaps
DELETE FROM base.sequence_gap AS g
USING unnest(%s::int4[], %s::int8[], %s::int8[]) AS filled (epoch_id, low, high)
WHERE g.epoch_id = filled.epoch_id AND g.first_seq < filled.high AND g.last_seq >= filled.low
RETURNING g.epoch_id, g.first_seq, g.last_seq + 1, g.cause;

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
DELETE FROM base.conflict
WHERE conflict_id = ANY (ARRAY(
    SELECT conflict_id
    FROM (
        SELECT c.conflict_id, row_number() OVER (PARTITION BY d.park, d.gateway ORDER BY c.conflict_id DESC) AS place
        FROM base.conflict AS c LEFT JOIN base.device AS d USING (device_id)
    ) AS ranked
    ORDER BY place, conflict_id DESC OFFSET %s
));

-- name: notify
SELECT pg_notify('parkgrid_commit', payload) FROM unnest(%s::text[]) AS payload;

-- name: note_dirty
INSERT INTO base.rollup_dirty (device_class, level, devices, minutes) VALUES (%s, %s, %s, %s);

-- name: note_estimates
INSERT INTO base.estimate (device_id, signal, at)
SELECT device_id, signal, to_timestamp(minute * 60.0)
FROM unnest(%s::int4[], %s::text[], %s::int4[]) AS noted (device_id, signal, minute)
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

-- name: upsert_park
INSERT INTO base.park AS known (park, district, name_zh, name_en, time_zone, latitude, longitude)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (park) DO UPDATE
SET district = excluded.district, name_zh = excluded.name_zh, name_en = excluded.name_en, time_zone = excluded.time_zone,
    latitude = coalesce(excluded.latitude, known.latitude), longitude = coalesce(excluded.longitude, known.longitude);

-- name: ensure_park
INSERT INTO base.park (park) VALUES (%s) ON CONFLICT DO NOTHING;

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
INSERT INTO base.device (park, gateway, device, device_class, name, model, firmware, period_s, ratings, signals,
    station, line, transformer, account, problem)
VALUES (%(park)s, %(gateway)s, %(device)s, %(device_class)s, %(name)s, %(model)s, %(firmware)s, %(period_s)s,
    %(ratings)s, %(signals)s, %(station)s, %(line)s, %(transformer)s, %(account)s, %(problem)s)
ON CONFLICT (park, gateway, device, device_class) DO UPDATE
SET name = excluded.name, model = excluded.model, firmware = excluded.firmware, period_s = excluded.period_s,
    ratings = excluded.ratings, signals = excluded.signals, station = excluded.station, line = excluded.line,
    transformer = excluded.transformer, account = excluded.account, problem = excluded.problem, retired = false
WHERE (device.name, device.model, device.firmware, device.period_s, device.ratings, device.signals, device.station,
       device.line, device.transformer, device.account, device.problem, device.retired)
   IS DISTINCT FROM
      (excluded.name, excluded.model, excluded.firmware, excluded.period_s, excluded.ratings, excluded.signals,
       excluded.station, excluded.line, excluded.transformer, excluded.account, excluded.problem, false);

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
SELECT DISTINCT ON (device_id, at) {columns} FROM {staging} ORDER BY device_id, at, ordinal
ON CONFLICT (device_id, at) DO NOTHING;

-- name: note_conflicts
-- all of them are counted, so many are written down
WITH found AS MATERIALIZED (
    SELECT s.received_at, s.device_id, s.at, {kept} AS kept, {refused} AS refused
    FROM (
        SELECT *, row_number() OVER (PARTITION BY device_id, at ORDER BY ordinal) AS place FROM {staging}
    ) AS s
    JOIN {table} AS b ON b.device_id = s.device_id AND b.at = s.at
    WHERE NOT (s.place = 1 AND b.epoch_id = s.epoch_id AND b.seq = s.seq)
      AND ROW({kept_columns}) IS DISTINCT FROM ROW({refused_columns})
),
noted AS (
    INSERT INTO base.conflict (received_at, device_id, device_class, at, kept, refused)
    SELECT received_at, device_id, {device_class}, at, kept, refused FROM found LIMIT %(most)s
)
SELECT count(*) FROM found;

-- name: create_newest_staging
CREATE TEMP TABLE IF NOT EXISTS {staging} (LIKE {table}) ON COMMIT DELETE ROWS;

-- name: replace_newest
-- In one order, so that two writers cannot wait for each other.
INSERT INTO {table} AS known ({columns})
SELECT {columns} FROM {staging} ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE SET {assignments} WHERE excluded.at > known.at;

-- name: forget_newest
DELETE FROM {table} WHERE at >= %s AND at < %s;

-- name: dirty_classes
SELECT device_class, level FROM base.rollup_dirty GROUP BY device_class, level ORDER BY device_class, level;

-- name: one_keeper
SELECT pg_try_advisory_xact_lock(hashtext('parkgrid.maintain'), hashtext(%s));

-- name: take_dirty
DELETE FROM base.rollup_dirty
WHERE dirty_id IN (
    SELECT dirty_id FROM (
        SELECT dirty_id, sum(cardinality(minutes)) OVER (ORDER BY dirty_id) - cardinality(minutes) AS before
        FROM (
            SELECT dirty_id, minutes FROM base.rollup_dirty WHERE device_class = %s AND level = %s
            ORDER BY dirty_id LIMIT 2000
        ) AS oldest
    ) AS counted
    WHERE before < %s
)
RETURNING devices, minutes;

-- name: read_dirty
SELECT dirty_id, devices, minutes FROM base.rollup_dirty WHERE device_class = %s ORDER BY dirty_id LIMIT 5000;

-- name: forget_dirty
DELETE FROM base.rollup_dirty WHERE dirty_id = ANY(%s);

-- name: note_energy
WITH noted AS (INSERT INTO base.energy_dirty (device_class, devices, slots) VALUES (%s, %s, %s))
SELECT pg_notify('parkgrid_energy_dirty', '');

-- name: dirty_left
SELECT EXISTS (SELECT FROM base.rollup_dirty WHERE device_class = %s AND level = %s);

-- name: newest
SELECT relation, newest_at FROM base.rollup_progress WHERE newest_at IS NOT NULL;

-- name: note_newest
INSERT INTO base.rollup_progress (relation, newest_at) VALUES (%s, %s)
ON CONFLICT (relation) DO UPDATE SET newest_at = greatest(rollup_progress.newest_at, excluded.newest_at);

-- name: note_kept_from
INSERT INTO base.rollup_progress (relation, kept_from) VALUES (%s, %s)
ON CONFLICT (relation) DO UPDATE SET kept_from = greatest(rollup_progress.kept_from, excluded.kept_from);

-- name: recompute
INSERT INTO {target} ({columns})
SELECT d.device_id, d.start, r.*
FROM (
    SELECT device_id, to_timestamp(minute * 60.0) AS start, to_timestamp((minute + {minutes}) * 60.0) AS stop
    FROM unnest(%(devices)s, %(minutes)s) AS dirty (device_id, minute)
) AS d
CROSS JOIN LATERAL (
    SELECT {expressions} FROM {source} AS s
    WHERE s.device_id = d.device_id AND s.at >= d.start AND s.at < d.stop AND s.at >= %(low)s AND s.at < %(high)s
) AS r
WHERE r.samples > 0
{replacing};

-- name: take_notes
DELETE FROM base.rollup_dirty
WHERE dirty_id IN (
    SELECT dirty_id FROM base.rollup_dirty WHERE device_class = %s AND level = '1m' ORDER BY dirty_id LIMIT %s
)
RETURNING devices, minutes;

-- name: recompute_span
INSERT INTO {target} ({columns})
SELECT s.device_id, date_bin({width}, s.at, {origin}) AS start, {expressions}
FROM {source} AS s
WHERE s.device_id = ANY(%(devices)s) AND s.at >= %(low)s AND s.at < %(high)s
  AND (
    SELECT true FROM {singles} AS o WHERE o.device_id = s.device_id AND o.at = date_bin('15 minutes', s.at, {origin})
  ) IS NULL
GROUP BY s.device_id, start
ON CONFLICT (device_id, at) DO UPDATE SET {assignments};

-- name: recompute_days
-- One day of one device after the other: its rows then come in order from the key, and nothing is sorted.
INSERT INTO {target} ({columns})
SELECT d.device_id, b.at, whole.*
FROM unnest(%(devices)s) AS d (device_id)
CROSS JOIN generate_series(
    %(low)s::timestamptz, %(high)s::timestamptz - INTERVAL '24 hours', INTERVAL '24 hours'
) AS b (at)
CROSS JOIN LATERAL (
    SELECT {expressions} FROM {source} AS s
    WHERE s.device_id = d.device_id AND s.at >= b.at AND s.at < b.at + INTERVAL '24 hours'
    HAVING count(*) > 0
) AS whole
ON CONFLICT (device_id, at) DO UPDATE SET {assignments};

-- name: insert_single
-- Nothing where a bucket holds two rows or is there already. One statement, so that rows which are committed meanwhile
-- are seen by both halves or by none. Rows are sorted while they are narrow: a roll-up has four columns for one.
INSERT INTO {target} ({columns})
SELECT s.device_id, date_bin({width}, s.at, {origin}), {expressions}
FROM (
    SELECT * FROM {source} AS a
    WHERE device_id = ANY(%(devices)s) AND at >= %(low)s AND at < %(high)s
      AND (
        SELECT true FROM {singles} AS o WHERE o.device_id = a.device_id AND o.at = date_bin('15 minutes', a.at, {origin})
      ) IS NULL
      AND (
        SELECT NOT EXISTS (
            SELECT FROM {source} AS r
            WHERE r.device_id = ANY(%(devices)s) AND r.at >= %(low)s AND r.at < %(high)s
            GROUP BY r.device_id, date_bin({width}, r.at, {origin})
            HAVING count(*) > 1
        ) AND NOT EXISTS (
            SELECT FROM {target} AS t WHERE t.device_id = ANY(%(devices)s) AND t.at >= %(low)s AND t.at < %(high)s
        )
      )
    ORDER BY device_id, at
) AS s;

-- Single readings of a quarter of an hour. They are looked for one by one along the key (LIMIT and scalar subqueries keep it
-- so): of a table that has just been filled the planner knows nothing.

-- name: with_singles
SELECT {columns} FROM {stored} UNION ALL SELECT device_id, at, {expressions} FROM {singles}

-- name: known_singles
SELECT o.device_id, q.minute
FROM unnest(%(devices)s, %(minutes)s) AS q (device_id, minute)
CROSS JOIN LATERAL (
    SELECT o.device_id FROM {singles} AS o
    WHERE o.device_id = q.device_id AND o.at = to_timestamp(q.minute * 60.0) LIMIT 1
) AS o;

-- name: forget_singles
-- of which there are more readings by now; until its quarter of an hour is computed again, it is what it was
WITH gone AS (
    DELETE FROM {singles} AS o
    USING unnest(%(devices)s, %(minutes)s) AS q (device_id, minute)
    WHERE o.device_id = q.device_id AND o.at = to_timestamp(q.minute * 60.0)
      AND 1 < (
        SELECT count(*) FROM {raw} AS r
        WHERE r.device_id = o.device_id AND r.at >= o.at AND r.at < o.at + INTERVAL {quarter}
          AND r.at >= %(low)s AND r.at < %(high)s
      )
    RETURNING o.*
), kept AS (
    INSERT INTO {quarters} ({columns}) SELECT device_id, at, {expressions} FROM gone ON CONFLICT DO NOTHING
)
SELECT device_id, (extract(epoch FROM at) / 60)::int4 FROM gone;

-- name: insert_singles
INSERT INTO {singles} (device_id, at, {signals})
SELECT q.device_id, q.at, r.*
FROM (
    SELECT device_id, to_timestamp(minute * 60.0) AS at FROM unnest(%(devices)s, %(minutes)s) AS bucket (device_id, minute)
) AS q
LEFT JOIN base.device AS d USING (device_id)
CROSS JOIN LATERAL (
    SELECT {signals} FROM {raw} AS r
    WHERE r.device_id = q.device_id AND r.at >= q.at AND r.at < q.at + INTERVAL {minute}
      AND r.at >= %(low)s AND r.at < %(high)s
    LIMIT 1
) AS r
WHERE (d.period_s >= extract(epoch FROM INTERVAL {quarter}) OR q.at + INTERVAL {quarter} <= %(now)s)
  AND 1 = (
    SELECT count(*) FROM {raw} AS r
    WHERE r.device_id = q.device_id AND r.at >= q.at AND r.at < q.at + INTERVAL {quarter}
      AND r.at >= %(low)s AND r.at < %(high)s
  )
  AND (SELECT true FROM {minutes} AS t WHERE t.device_id = q.device_id AND t.at = q.at) IS NULL
  AND (SELECT true FROM {quarters} AS t WHERE t.device_id = q.device_id AND t.at = q.at) IS NULL
ON CONFLICT DO NOTHING
RETURNING device_id, (extract(epoch FROM at) / 60)::int4;

-- name: forget_singles_of_span
DELETE FROM {singles} AS o
WHERE o.device_id = ANY(%(devices)s) AND o.at >= %(low)s AND o.at < %(high)s
  AND 1 < (
    SELECT count(*) FROM {raw} AS r
    WHERE r.device_id = o.device_id AND r.at >= o.at AND r.at < o.at + INTERVAL {quarter}
      AND r.at >= %(low)s AND r.at < %(high)s
  );

-- name: insert_singles_of_span
INSERT INTO {singles} (device_id, at, {signals})
SELECT device_id, quarter, {signals}
FROM (
    SELECT device_id, at, {signals}, date_bin({quarter}, at, {origin}) AS quarter,
        lag(at) OVER of_device AS before, lead(at) OVER of_device AS after
    FROM {raw} WHERE device_id = ANY(%(devices)s) AND at >= %(low)s AND at < %(high)s
    WINDOW of_device AS (PARTITION BY device_id ORDER BY at)
) AS r
WHERE r.at < r.quarter + INTERVAL {minute}
  AND (r.before IS NULL OR r.before < r.quarter) AND (r.after IS NULL OR r.after >= r.quarter + INTERVAL {quarter})
  AND (
    0 = (SELECT count(*) FROM {quarters} WHERE device_id = ANY(%(devices)s) AND at >= %(low)s AND at < %(high)s)
      + (SELECT count(*) FROM {minutes} WHERE device_id = ANY(%(devices)s) AND at >= %(low)s AND at < %(high)s)
    OR (SELECT true FROM {quarters} AS t WHERE t.device_id = r.device_id AND t.at = r.quarter) IS NULL
      AND (SELECT true FROM {minutes} AS t WHERE t.device_id = r.device_id AND t.at = r.quarter) IS NULL
  )
ON CONFLICT DO NOTHING;

-- name: any_beside_singles
SELECT (SELECT count(*) FROM {raw} WHERE device_id = ANY(%(devices)s) AND at >= %(low)s AND at < %(high)s)
    > (SELECT count(*) FROM {singles} WHERE device_id = ANY(%(devices)s) AND at >= %(low)s AND at < %(high)s);

-- name: give_up_singles
WITH gone AS (
    DELETE FROM {singles} WHERE device_id = %(device)s AND at >= %(low)s AND at < %(high)s RETURNING *
)
INSERT INTO {stored} ({columns}) SELECT device_id, at, {expressions} FROM gone ON CONFLICT DO NOTHING;

-- Retention

-- name: is_plain
SELECT EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = to_regclass('base.meter'));

-- name: partition_names
SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass('base.' || quote_ident(%s))
ORDER BY c.relname;

-- name: chunks
-- of a hypertable, or of a continuous aggregate
SELECT k.chunk_name, k.range_start, k.range_end
FROM timescaledb_information.chunks AS k
LEFT JOIN timescaledb_information.continuous_aggregates AS a
    ON a.materialization_hypertable_schema = k.hypertable_schema
    AND a.materialization_hypertable_name = k.hypertable_name
WHERE coalesce(a.view_schema, k.hypertable_schema) = 'base' AND coalesce(a.view_name, k.hypertable_name) = %s
ORDER BY k.range_start;

-- name: months_of_days
SELECT DISTINCT date_trunc('month', at, 'Asia/Shanghai') FROM {days} WHERE at < %s ORDER BY 1;

-- name: newest_days
SELECT park, at
FROM (
    SELECT park, at, row_number() OVER (PARTITION BY park ORDER BY at DESC) AS place
    FROM (
        SELECT DISTINCT coalesce(d.park, '') AS park, r.at
        FROM {days} AS r LEFT JOIN base.device AS d USING (device_id)
        WHERE r.at <= %(now)s
    ) AS day
) AS counted
WHERE place <= %(count)s;

-- name: needed_days
SELECT DISTINCT r.at
FROM {days} AS r
LEFT JOIN base.device AS d USING (device_id)
LEFT JOIN unnest(%(parks)s::text[], %(borders)s::timestamptz[]) AS b (park, border) ON b.park = coalesce(d.park, '')
WHERE r.at < %(before)s AND r.at + INTERVAL '24 hours' > coalesce(b.border, '-infinity')
ORDER BY r.at;

-- name: rows_of_span
SELECT coalesce(d.park, ''), r.device_id, r.rows
FROM (
    SELECT device_id, count(*) AS rows FROM {source} WHERE at >= %(low)s AND at < %(high)s GROUP BY device_id
) AS r
LEFT JOIN base.device AS d USING (device_id);

-- name: rows_of_keyed_span
-- the same along the key, device after device: an instant alone finds nothing in it
WITH RECURSIVE found AS (
    SELECT min(s.device_id) AS device_id FROM {source} AS s
    UNION ALL
    SELECT (SELECT min(s.device_id) FROM {source} AS s WHERE s.device_id > found.device_id)
    FROM found WHERE found.device_id IS NOT NULL
)
SELECT coalesce(d.park, ''), found.device_id, r.rows
FROM found
CROSS JOIN LATERAL (
    SELECT count(*) AS rows FROM {source} AS s
    WHERE s.device_id = found.device_id AND s.at >= %(low)s AND s.at < %(high)s
) AS r
LEFT JOIN base.device AS d ON d.device_id = found.device_id
WHERE r.rows > 0;

-- name: remove_part
SELECT base.remove_part(%s, %s, %s, %s, %s);

-- name: rollup_waits
SELECT true
FROM base.rollup_dirty AS n, (VALUES (%s, %s::timestamptz, %s::timestamptz)) AS part (class, low, high)
WHERE n.device_class = part.class AND EXISTS (
    SELECT FROM unnest(n.minutes) AS m
    WHERE m >= extract(epoch FROM part.low) / 60 AND m < extract(epoch FROM part.high) / 60
)
LIMIT 1;

-- name: delete_span
DELETE FROM {target} WHERE device_id = %s AND at >= %s AND at < %s;

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

-- name: removed_until
SELECT max(upper(spans)) FROM base.removed_span WHERE relation = %s;

-- name: removed_spans
SELECT lower(span), upper(span)
FROM (SELECT unnest(range_agg(spans)) AS span FROM base.removed_span WHERE relation = %s) AS whole
ORDER BY span;

-- name: any_removed
SELECT EXISTS (
    SELECT FROM base.device AS d JOIN base.removed_span AS s ON s.park = d.park
    WHERE d.device_id = ANY(%s) AND s.relation = ANY(%s) AND s.spans && tstzrange(%s, %s)
);

-- name: spared
SELECT p.device_id, p.minute
FROM unnest(%(devices)s, %(minutes)s) AS p (device_id, minute)
LEFT JOIN base.device AS d USING (device_id)
LEFT JOIN base.removed_span AS s ON s.relation = %(relation)s AND s.park = coalesce(d.park, '')
WHERE s.spans IS NULL
    OR NOT s.spans && tstzrange(to_timestamp(p.minute * 60.0), to_timestamp((p.minute + %(length)s) * 60.0))
ORDER BY p.minute, p.device_id;

-- name: sources_of_buckets
SELECT DISTINCT device_id, (extract(epoch FROM date_bin({width}, at, {origin})) / 60)::int4
FROM {source} WHERE at >= %s AND at < %s;

-- name: materialized
SELECT materialization_hypertable_schema, materialization_hypertable_name
FROM timescaledb_information.continuous_aggregates WHERE view_schema = 'base' AND view_name = %s;

-- name: forget_buckets
DELETE FROM {target} AS t
USING unnest(%(devices)s, %(minutes)s) AS gone (device_id, minute)
WHERE t.device_id = gone.device_id AND t.at = to_timestamp(gone.minute * 60.0)
    AND t.at >= %(low)s AND t.at < %(high)s;

-- name: watermarks
SELECT
    c.user_view_name,
    -- one that was never refreshed stands thousands of years ago
    CASE WHEN w.mark > 0 THEN _timescaledb_functions.to_timestamp(w.mark) END
FROM _timescaledb_catalog.continuous_agg AS c
CROSS JOIN LATERAL (SELECT _timescaledb_functions.cagg_watermark(c.mat_hypertable_id) AS mark) AS w
WHERE c.user_view_schema = 'base';

-- name: refresh_takes_options
SELECT EXISTS (
    SELECT FROM pg_proc WHERE proname = 'refresh_continuous_aggregate' AND 'options' = ANY (proargnames)
);

-- name: refresh
CALL refresh_continuous_aggregate(%s::regclass, %s::timestamptz, %s::timestamptz);

-- name: refresh_whole_window
CALL refresh_continuous_aggregate(
    %s::regclass, %s::timestamptz, %s::timestamptz, options => '{"buckets_per_batch": 0}'
);

-- What an operator says about gateways

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
    SELECT max(e.last_received_at) AS heard_at FROM base.gateway_epoch AS e
    WHERE e.park = b.park AND e.gateway = b.gateway
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
    WHERE e.park = %(park)s AND e.gateway = %(gateway)s AND isempty(e.committed)
      AND NOT EXISTS (SELECT FROM base.sequence_gap AS g WHERE g.epoch_id = e.epoch_id)
)
UPDATE base.gateway_birth SET epoch = 0, status_epoch = NULL WHERE park = %(park)s AND gateway = %(gateway)s;

-- name: lock_epochs_of_gateway
SELECT epoch_id FROM base.gateway_epoch WHERE park = %s AND gateway = %s ORDER BY epoch_id FOR UPDATE;

-- name: classes_of_gateway
SELECT device_class, array_agg(device_id) FROM base.device WHERE park = %s AND gateway = %s GROUP BY device_class;

-- name: devices_with_rows
SELECT d.device_id FROM unnest(%s::int4[]) AS d (device_id)
WHERE EXISTS (SELECT FROM {source} AS r WHERE r.device_id = d.device_id);

-- name: devices_with_energy
SELECT DISTINCT g.device_id FROM base.register AS g
WHERE g.device_id = ANY(%s) AND (
    EXISTS (SELECT FROM base.interval_energy AS i WHERE i.register_id = g.register_id)
    OR EXISTS (SELECT FROM base.register_declaration AS n WHERE n.register_id = g.register_id)
);

-- name: remove_devices
WITH gone AS (SELECT register_id FROM base.register WHERE device_id = ANY(%(devices)s)),
a AS (DELETE FROM base.register_dirty WHERE register_id IN (SELECT register_id FROM gone)),
b AS (DELETE FROM base.register_aside WHERE register_id IN (SELECT register_id FROM gone)),
c AS (DELETE FROM base.register_belief WHERE register_id IN (SELECT register_id FROM gone)),
d AS (DELETE FROM base.register_finding WHERE register_id IN (SELECT register_id FROM gone)),
e AS (DELETE FROM base.data_gap WHERE register_id IN (SELECT register_id FROM gone)),
f AS (DELETE FROM base.register WHERE register_id IN (SELECT register_id FROM gone))
DELETE FROM base.device WHERE device_id = ANY(%(devices)s);

-- name: remove_gateway
WITH a AS (
    DELETE FROM base.sequence_gap WHERE epoch_id IN (
        SELECT epoch_id FROM base.gateway_epoch WHERE park = %(park)s AND gateway = %(gateway)s
    )
),
b AS (DELETE FROM base.gateway_epoch WHERE park = %(park)s AND gateway = %(gateway)s)
DELETE FROM base.gateway_birth WHERE park = %(park)s AND gateway = %(gateway)s;

-- name: remove_empty_park
-- one that a birth alone has made
DELETE FROM base.park AS p
WHERE p.park = %s AND p.district = '' AND p.name_zh = '' AND p.name_en = '' AND p.latitude IS NULL
  AND NOT EXISTS (SELECT FROM base.gateway_birth AS b WHERE b.park = p.park);
