-- A year of partitions makes the planner read the names of all relations before it knows which are partitions: only
-- the class's own may be read as days (tables of TOAST end in digits too).

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
          AND CASE WHEN c.relname ~ format('^%s_[0-9]{8}$', class)
              THEN (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC' <= oldest
              ELSE false END
        ORDER BY c.relname LIMIT 50
    LOOP
        EXECUTE format('DROP TABLE %s', part);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;
