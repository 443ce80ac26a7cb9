-- How the tables of raw readings are cut by time: days for what is live, months for what comes long after its time.

-- A partition costs 3 ms to make and some of every plan for ever. Whoever brings a whole month at once gets one for it,
-- and so does what comes long after its time (before `months_before`): a history by the hour, a clock that is wrong. Live
-- data come by the day. So 26 years of late days are at most 312 partitions. Days are those of UTC. It runs as the owner:
-- only their owner could attach partitions otherwise.
CREATE FUNCTION base.ensure_days(class text, days date[], months_before date DEFAULT NULL) RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent regclass := to_regclass(format('base.%I', class));
    day date;
    first date;
    next_month date;
    of_month text;
    part text;
    part_start date;
    part_end date;
    made int4 := 0;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = parent) THEN
        RAISE EXCEPTION 'base.% is not a partitioned table', class USING ERRCODE = 'undefined_table';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('parkgrid.ensure_days'), hashtext(class));
    FOREACH day IN ARRAY days LOOP
        of_month := format('%s_%s', class, to_char(day, 'YYYYMM'));
        part := format('%s_%s', class, to_char(day, 'YYYYMMDD'));
        part_start := day;
        part_end := day + 1;
        CONTINUE WHEN to_regclass(format('base.%I', of_month)) IS NOT NULL
            OR to_regclass(format('base.%I', part)) IS NOT NULL;
        first := date_trunc('month', day);
        next_month := first + INTERVAL '1 month';
        IF (next_month <= months_before
            OR day = first AND days @> ARRAY(SELECT day + each FROM generate_series(0, next_month - day - 1) AS each))
            AND NOT EXISTS (
                SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
                WHERE i.inhparent = parent AND c.relname ~ format('^%s[0-9]{2}$', of_month)
            )
        THEN
            part := of_month;
            part_start := first;
            part_end := next_month;
        END IF;
        -- Attaching locks the parent less than creating a partition of it: writers go on.
        EXECUTE format(
            'CREATE TABLE base.%I (LIKE base.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', part, class
        );
        EXECUTE format(
            'ALTER TABLE base.%I ATTACH PARTITION base.%I FOR VALUES FROM (%L) TO (%L)',
            class, part, part_start::timestamp AT TIME ZONE 'UTC', part_end::timestamp AT TIME ZONE 'UTC'
        );
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

-- Whether something is still to be made of a part of the readings of a class, of one park or of any.
CREATE FUNCTION base.part_waits(class text, relation text, from_at timestamptz, to_at timestamptz, of_park int4)
RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    low int4 := extract(epoch FROM from_at) / 60;
    high int4 := extract(epoch FROM to_at) / 60;
BEGIN
    RETURN EXISTS (
        SELECT FROM base.rollup_dirty AS n
        WHERE (of_park IS NULL OR n.park_id = of_park) AND n.device_class = class
          AND EXISTS (SELECT FROM unnest(n.minutes) AS m WHERE m >= low AND m < high)
    ) OR relation = class AND EXISTS (
        SELECT FROM base.energy_dirty AS n
        WHERE (of_park IS NULL OR n.park_id = of_park) AND n.device_class = class
          AND EXISTS (SELECT FROM unnest(n.slots) AS m WHERE m >= low AND m < high)
    ) OR relation = class AND EXISTS (
        SELECT FROM base.register_aside AS a JOIN base.register AS r USING (park_id, register_id)
        JOIN base.device AS d USING (device_id)
        WHERE (of_park IS NULL OR a.park_id = of_park) AND d.device_class = class AND a.from_at < part_waits.to_at
    );
END
$$;

-- Remove one partition; false while something still waits to be made of it.
CREATE FUNCTION base.remove_part(class text, relation text, part text, from_at timestamptz, to_at timestamptz)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent regclass := to_regclass(format('base.%I', relation));
    partition regclass;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('parkgrid.ensure_days'), hashtext(relation));
    SELECT i.inhrelid INTO partition FROM pg_inherits AS i
    WHERE i.inhparent = parent AND i.inhrelid = to_regclass(format('base.%I', part));
    IF partition IS NULL THEN
        RETURN true;
    END IF;
    -- In the order in which writers lock them.
    EXECUTE format('LOCK TABLE ONLY %s, ONLY %s IN ACCESS EXCLUSIVE MODE', parent, partition);
    -- Under the lock: what is committed by now has left its note, and nobody can add to the part.
    IF base.part_waits(class, relation, from_at, to_at, NULL) THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE %s', partition);
    RETURN true;
END
$$;

-- Remove the raw readings of one park from a part that others still need; their number, or NULL while something still
-- waits to be made of them.
CREATE FUNCTION base.remove_rows(class text, of_park int4, from_at timestamptz, to_at timestamptz) RETURNS int8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    removed int8;
BEGIN
    IF base.part_waits(class, class, from_at, to_at, of_park) THEN
        RETURN NULL;
    END IF;
    EXECUTE format('DELETE FROM base.%I WHERE park_id = $1 AND at >= $2 AND at < $3', class) USING of_park, from_at, to_at;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;
