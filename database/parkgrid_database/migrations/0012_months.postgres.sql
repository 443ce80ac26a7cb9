-- A year of daily partitions is 2,500 tables, each of which costs 3 ms to make and some of every plan for ever. Whoever
-- brings a whole month at once (a history, a replay) gets one partition for it; live data come by the day as before.
--
--     meter_20260630 | meter_202607 .......................... | meter_20260801 | meter_20260802 |

CREATE OR REPLACE FUNCTION base.ensure_days(class text, days date[]) RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent regclass := to_regclass(format('base.%I', class));
    day date;
    next_month date;
    of_month text;
    part text;
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
        part_end := day + 1;
        CONTINUE WHEN to_regclass(format('base.%I', of_month)) IS NOT NULL
            OR to_regclass(format('base.%I', part)) IS NOT NULL;
        IF extract(day FROM day) = 1 THEN
            next_month := day + INTERVAL '1 month';
            IF days @> ARRAY(SELECT day + each FROM generate_series(0, next_month - day - 1) AS each)
                AND NOT EXISTS (
                    SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
                    WHERE i.inhparent = parent AND c.relname ~ format('^%s[0-9]{2}$', of_month)
                )
            THEN
                part := of_month;
                part_end := next_month;
            END IF;
        END IF;
        -- Attaching locks the parent less than creating a partition of it: writers go on.
        EXECUTE format(
            'CREATE TABLE base.%I (LIKE base.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', part, class
        );
        EXECUTE format(
            'ALTER TABLE base.%I ATTACH PARTITION base.%I FOR VALUES FROM (%L) TO (%L)',
            class, part, day::timestamp AT TIME ZONE 'UTC', part_end::timestamp AT TIME ZONE 'UTC'
        );
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

-- A month goes when its last day may.
CREATE OR REPLACE FUNCTION base.drop_before(class text, oldest timestamptz) RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part regclass;
    dropped int4 := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('parkgrid.ensure_days'), hashtext(class));
    FOR part IN
        SELECT i.inhrelid FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(format('base.%I', class))
          -- In this order: the planner may look at names that are no dates.
          AND CASE
              WHEN c.relname ~ format('^%s_[0-9]{8}$', class)
              THEN (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC' <= oldest
              WHEN c.relname ~ format('^%s_[0-9]{6}$', class)
              THEN (to_date(right(c.relname, 6), 'YYYYMM') + INTERVAL '1 month') AT TIME ZONE 'UTC' <= oldest
              ELSE false END
        ORDER BY c.relname LIMIT 50
    LOOP
        EXECUTE format('DROP TABLE %s', part);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;
