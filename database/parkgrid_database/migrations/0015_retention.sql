-- Retention by park: a partition, chunk or month goes when no park needs it any more, and is announced before.

CREATE TABLE base.removal (
    removal_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation text NOT NULL,
    -- a partition, a chunk, or a month of a roll-up table
    part text NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    -- as counted when it was announced; it is counted again before it goes
    rows int8 NOT NULL,
    parks text[] NOT NULL,
    -- days before the newest day of its park that the settings kept of this relation
    kept_days int4 NOT NULL,
    announced_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    removed_at timestamptz
);

CREATE UNIQUE INDEX removal_open ON base.removal (relation, part) WHERE removed_at IS NULL;

-- What is gone of a park: no roll-up that needs it is computed again.
CREATE TABLE base.removed_span (
    relation text NOT NULL,
    park text NOT NULL,
    spans tstzmultirange NOT NULL,
    PRIMARY KEY (relation, park)
);

CREATE VIEW public.removals AS
SELECT removal_id, relation, part, from_at, to_at, rows, parks, kept_days, announced_at, due_at, removed_at
FROM base.removal;

-- What former versions removed, of the parks that had something there. Daily roll-ups were never removed.
DO $$
DECLARE
    former record;
    class text;
BEGIN
    FOR former IN SELECT relation, kept_from FROM base.rollup_progress WHERE kept_from IS NOT NULL LOOP
        class := regexp_replace(former.relation, '_(1m|15m)$', '');
        EXECUTE format(
            'INSERT INTO base.removed_span (relation, park, spans) '
            'SELECT DISTINCT %L, d.park, tstzmultirange(tstzrange(NULL, %L)) FROM base.device AS d '
            'WHERE d.device_class = %L '
            'AND EXISTS (SELECT FROM base.%I AS r WHERE r.device_id = d.device_id AND r.at < %L)',
            former.relation, former.kept_from, class, class || '_1d', former.kept_from
        );
    END LOOP;
END
$$;

-- It removed what others still needed.
DROP FUNCTION base.drop_before(text, timestamptz);

-- Remove one part of raw readings or of a continuous aggregate; false while something still waits to be made of it.
CREATE FUNCTION base.remove_part(class text, relation text, part text, from_at timestamptz, to_at timestamptz)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent regclass := to_regclass(format('base.%I', relation));
    low int4 := extract(epoch FROM from_at) / 60;
    high int4 := extract(epoch FROM to_at) / 60;
    partitioned boolean := EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = parent);
    chunk regclass;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('parkgrid.ensure_days'), hashtext(relation));
    IF partitioned THEN
        SELECT i.inhrelid INTO chunk FROM pg_inherits AS i
        WHERE i.inhparent = parent AND i.inhrelid = to_regclass(format('base.%I', part));
        IF chunk IS NULL THEN
            RETURN true;
        END IF;
        -- In the order in which writers lock them.
        EXECUTE format('LOCK TABLE ONLY %s, ONLY %s IN ACCESS EXCLUSIVE MODE', parent, chunk);
    ELSE
        FOR chunk IN SELECT public.show_chunks(parent, older_than => to_at, newer_than => from_at) LOOP
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', chunk);
        END LOOP;
    END IF;
    -- Under the lock: what is committed by now has left its note, and nobody can add to the part.
    IF EXISTS (
        SELECT FROM base.rollup_dirty AS n
        WHERE n.device_class = class AND EXISTS (SELECT FROM unnest(n.minutes) AS m WHERE m >= low AND m < high)
    ) OR relation = class AND EXISTS (
        SELECT FROM base.energy_dirty AS n
        WHERE n.device_class = class AND EXISTS (SELECT FROM unnest(n.slots) AS m WHERE m >= low AND m < high)
    ) OR relation = class AND EXISTS (
        SELECT FROM base.register_aside AS a JOIN base.register AS r USING (register_id)
        JOIN base.device AS d USING (device_id)
        WHERE d.device_class = class AND a.from_at < remove_part.to_at
    ) THEN
        RETURN false;
    END IF;
    IF partitioned THEN
        EXECUTE format('DROP TABLE %s', chunk);
    ELSE
        PERFORM public.drop_chunks(parent, older_than => to_at, newer_than => from_at);
    END IF;
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION base.remove_part(text, text, text, timestamptz, timestamptz) FROM PUBLIC;

-- A partition costs 3 ms to make and some of every plan for ever. Whoever brings a whole month at once gets one for it,
-- and so does what comes long after its time (before `months_before`): a history by the hour, a clock that is wrong. Live
-- data come by the day. So 26 years of late days are at most 312 partitions.
DO $$
BEGIN
    IF to_regproc('base.ensure_days') IS NULL THEN
        RETURN;
    END IF;
    DROP FUNCTION base.ensure_days(text, date[]);
    EXECUTE $function$
CREATE FUNCTION base.ensure_days(class text, days date[], months_before date DEFAULT NULL) RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
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
$body$
$function$;
    REVOKE ALL ON FUNCTION base.ensure_days(text, date[], date) FROM PUBLIC;
END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'parkgrid_ingest') THEN
        GRANT EXECUTE ON FUNCTION base.remove_part(text, text, text, timestamptz, timestamptz) TO parkgrid_ingest;
        IF to_regproc('base.ensure_days') IS NOT NULL THEN
            GRANT EXECUTE ON FUNCTION base.ensure_days(text, date[], date) TO parkgrid_ingest;
        END IF;
    END IF;
END
$$;
