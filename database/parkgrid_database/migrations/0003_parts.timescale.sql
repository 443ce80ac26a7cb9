-- How the hypertables of raw readings are cut by time: days for what is live, months for what comes long after its time.

-- A chunk of a day with few readings costs more for itself than for what is in it, the more so in the columnstore. Whoever
-- brings a whole month at once gets one for it, and so does what comes long after its time (before `months_before`): a
-- history by the hour, a clock that is wrong. Chunks of live days make themselves. Days are those of UTC.
CREATE FUNCTION base.ensure_days(class text, days date[], months_before date DEFAULT NULL) RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent regclass := to_regclass(format('base.%I', class));
    month date;
    next_month date;
    low timestamptz;
    high timestamptz;
    made int4 := 0;
BEGIN
    IF NOT EXISTS (
        SELECT FROM timescaledb_information.hypertables WHERE hypertable_schema = 'base' AND hypertable_name = class
    ) THEN
        RAISE EXCEPTION 'base.% is not a hypertable', class USING ERRCODE = 'undefined_table';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('parkgrid.ensure_days'), hashtext(class));
    FOR month IN SELECT DISTINCT date_trunc('month', day)::date FROM unnest(days) AS day ORDER BY 1 LOOP
        next_month := month + INTERVAL '1 month';
        CONTINUE WHEN NOT (
            coalesce(next_month <= months_before, false)
            OR days @> ARRAY(SELECT month + each FROM generate_series(0, next_month - month - 1) AS each)
        );
        low := month::timestamp AT TIME ZONE 'UTC';
        high := next_month::timestamp AT TIME ZONE 'UTC';
        CONTINUE WHEN EXISTS (
            SELECT FROM timescaledb_information.chunks AS c
            WHERE c.hypertable_schema = 'base' AND c.hypertable_name = class
              AND c.range_start < high AND c.range_end > low
        );
        PERFORM _timescaledb_functions.create_chunk(
            parent,
            jsonb_build_object('at', jsonb_build_array(
                (extract(epoch FROM low) * 1000000)::int8, (extract(epoch FROM high) * 1000000)::int8
            ))
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

-- Remove one chunk of raw readings; false while something still waits to be made of it.
CREATE FUNCTION base.remove_part(class text, relation text, part text, from_at timestamptz, to_at timestamptz)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent regclass := to_regclass(format('base.%I', relation));
    chunk regclass;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('parkgrid.ensure_days'), hashtext(relation));
    FOR chunk IN SELECT public.show_chunks(parent, older_than => to_at, newer_than => from_at) LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', chunk);
    END LOOP;
    -- Under the lock: what is committed by now has left its note, and nobody can add to the part.
    IF base.part_waits(class, relation, from_at, to_at, NULL) THEN
        RETURN false;
    END IF;
    PERFORM public.drop_chunks(parent, older_than => to_at, newer_than => from_at);
    RETURN true;
END
$$;

-- Remove the raw readings of one park from a part that others still need; their number, or NULL while something still
-- waits to be made of them.
CREATE FUNCTION base.remove_rows(class text, of_park int4, from_at timestamptz, to_at timestamptz) RETURNS int8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0 AS $$
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
