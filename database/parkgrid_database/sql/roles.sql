-- Who owns what, and who may do what. Roles belong to the whole server, rights to one database; all of it is repeatable.

-- name: create_roles
-- A migrator that may not create them goes on without them. Nobody ever signs in as the owner: no client gets a session under a connection limit of zero, whatever the server's rules of access say.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY[
        'parkgrid_owner', 'parkgrid_ingest', 'parkgrid_accounting', 'parkgrid_vpp', 'parkgrid_api',
        'parkgrid_grafana'
    ] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN CONNECTION LIMIT 0', role);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN
                NULL;
        END;
    END LOOP;
END
$$;

-- name: is_superuser
SELECT rolsuper FROM pg_roles WHERE rolname = current_user;

-- name: let_policies_run
-- TimescaleDB runs a policy as the owner of its table, and only if that may sign in: a worker is not counted by the
-- limit, so the owner still has no way in.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
        AND NOT (SELECT rolcanlogin AND rolconnlimit = 0 FROM pg_roles WHERE rolname = 'parkgrid_owner')
    THEN
        ALTER ROLE parkgrid_owner LOGIN CONNECTION LIMIT 0 PASSWORD NULL;
    END IF;
EXCEPTION
    -- Another database of this server does the same at this moment.
    WHEN internal_error OR unique_violation THEN
        NULL;
END
$$;

-- name: wanted_rights
-- What is missing and what is too much of the rights on tables and views, as statements, missing ones first. A relation
-- that stands nowhere here is read by ingest, accounting and vpp, and written by nobody.
WITH role AS (
    SELECT oid, rolname FROM pg_roles
    WHERE rolname IN (
        'parkgrid_ingest', 'parkgrid_accounting', 'parkgrid_vpp', 'parkgrid_api', 'parkgrid_grafana'
    )
), relation AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relispartition, c.relacl
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('base', 'public') AND c.relkind IN ('r', 'p', 'v', 'm')
      AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
      )
), written (rolname, privileges, relations) AS (
    VALUES
    ('parkgrid_ingest', ARRAY['INSERT'], %(classes)s::text[] || ARRAY['energy_dirty']),
    ('parkgrid_ingest', ARRAY['INSERT', 'UPDATE'], ARRAY['park']),
    ('parkgrid_ingest', ARRAY['INSERT', 'UPDATE', 'DELETE'], ARRAY[
        'gateway_birth', 'gateway_retired', 'registry_change', 'device', 'gateway_epoch', 'sequence_gap', 'quarantine',
        'store_restore', 'conflict', 'estimate', 'rollup_dirty', 'rollup_progress', 'removal', 'removed_span'
    ] || ARRAY(
        SELECT class || what FROM unnest(%(classes)s::text[]) AS class,
            unnest(ARRAY['_newest', '_single', '_1m', '_15m', '_1d']) AS what
    )),
    ('parkgrid_accounting', ARRAY['INSERT', 'UPDATE', 'DELETE'], ARRAY[
        'register', 'interval_energy', 'energy_day', 'data_gap', 'energy_dirty', 'register_dirty', 'register_aside',
        'register_belief', 'register_finding', 'energy_progress', 'closing_progress'
    ]),
    ('parkgrid_accounting', ARRAY['INSERT'], ARRAY['heard']),
    -- append-only: what was declared, stated and published
    ('parkgrid_accounting', ARRAY['INSERT'], ARRAY[
        'register_declaration', 'interval_energy_revision', 'tariff_plan', 'rule_text', 'supply_agreement',
        'heat_forecast', 'spot_price', 'bill_closing', 'cluster_import', 'cluster_output', 'enterprise',
        'enterprise_account'
    ]),
    ('parkgrid_vpp', ARRAY['INSERT'], ARRAY['vpp_entry', 'vpp_issued', 'vpp_restore']),
    ('parkgrid_vpp', ARRAY['INSERT', 'DELETE'], ARRAY['vpp_forecast', 'vpp_capability'])
), wanted AS (
    SELECT r.oid AS role, c.oid AS relation, 'SELECT' AS privilege
    FROM role AS r, relation AS c
    WHERE c.nspname = 'public' AND c.relkind = 'v'
       OR c.nspname = 'base' AND NOT c.relispartition AND r.rolname IN ('parkgrid_ingest', 'parkgrid_accounting', 'parkgrid_vpp')
    UNION
    SELECT r.oid, c.oid, privilege
    FROM written AS w JOIN role AS r USING (rolname) CROSS JOIN unnest(w.privileges) AS privilege
    JOIN relation AS c ON c.nspname = 'base' AND c.relname = ANY(w.relations) AND NOT c.relispartition
), actual AS (
    SELECT DISTINCT a.grantee AS role, c.oid AS relation, a.privilege_type AS privilege
    FROM relation AS c CROSS JOIN aclexplode(c.relacl) AS a
    WHERE a.grantee = 0 OR a.grantee IN (SELECT oid FROM role)
), difference AS (
    SELECT 'GRANT' AS verb, role, relation, privilege FROM (TABLE wanted EXCEPT TABLE actual) AS missing
    UNION ALL
    SELECT 'REVOKE', role, relation, privilege FROM (TABLE actual EXCEPT TABLE wanted) AS excess
)
SELECT format(
    '%%s %%s ON %%s %%s %%s', verb, string_agg(privilege, ', '), relation::regclass, CASE verb WHEN 'GRANT' THEN 'TO' ELSE 'FROM' END,
    CASE WHEN role = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END
)
FROM difference GROUP BY verb, role, relation ORDER BY verb, relation;

-- name: close_schemas
-- Schemas and functions.
DO $$
DECLARE
    grantee text;
    function record;
BEGIN
    REVOKE ALL ON SCHEMA base FROM PUBLIC;
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    REVOKE ALL ON ALL ROUTINES IN SCHEMA base FROM PUBLIC;
    FOR grantee IN SELECT rolname FROM pg_roles WHERE rolname IN (
        'parkgrid_owner', 'parkgrid_ingest', 'parkgrid_accounting', 'parkgrid_vpp', 'parkgrid_api',
        'parkgrid_grafana'
    ) LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', grantee);
        IF grantee IN ('parkgrid_ingest', 'parkgrid_accounting', 'parkgrid_vpp') THEN
            EXECUTE format('GRANT USAGE ON SCHEMA base TO %I', grantee);
        END IF;
        CONTINUE WHEN grantee = 'parkgrid_owner';
        EXECUTE format('REVOKE ALL ON ALL ROUTINES IN SCHEMA base FROM %I', grantee);
        FOR function IN
            SELECT p.oid::regprocedure AS name FROM pg_proc AS p
            WHERE p.pronamespace = 'base'::regnamespace AND (grantee, p.proname) IN (
                ('parkgrid_ingest', 'ensure_days'), ('parkgrid_ingest', 'remove_part'),
                ('parkgrid_ingest', 'remove_rows'),
                ('parkgrid_ingest', 'move_days'), ('parkgrid_ingest', 'spread_anew'),
                ('parkgrid_accounting', 'count_days')
            )
        LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', function.name, grantee);
        END LOOP;
    END LOOP;
END
$$;

-- name: close_database
-- What any login may do in any PostgreSQL, and a reader must not: keep temporary tables and large objects, hold the locks
-- by which our processes take turns, fill the log, start jobs.
DO $$
DECLARE
    grantee text;
    function regprocedure;
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO parkgrid_ingest, parkgrid_accounting', current_database());
    FOR function IN
        SELECT p.oid FROM pg_proc AS p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND (
            p.proname ~ '^pg_(try_)?advisory_(xact_)?lock(_shared)?$'
            OR p.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'pg_logical_emit_message')
        ) OR p.pronamespace = 'public'::regnamespace AND p.proname = 'add_job' AND EXISTS (
            SELECT FROM pg_depend AS d
            WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        )
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
        IF function::text LIKE '%advisory%' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO parkgrid_owner, parkgrid_ingest, parkgrid_accounting, parkgrid_vpp', function);
        END IF;
    END LOOP;
END
$$;

-- name: fence_definitions
-- No login of a role defines anything but tables (of its own session: it may create none elsewhere). Without this a
-- function in pg_temp could be hung as a trigger on an aggregate that ingest owns the rights of, and run as whoever
-- writes there. The function stays the superuser's: whoever owns it decides what a superuser's statement runs.
CREATE OR REPLACE FUNCTION base.refuse_definitions() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF tg_tag NOT IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
        AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        AND EXISTS (
            SELECT FROM pg_roles WHERE rolname IN (
                'parkgrid_ingest', 'parkgrid_accounting', 'parkgrid_vpp', 'parkgrid_api', 'parkgrid_grafana'
            ) AND pg_has_role(oid, 'MEMBER')
        )
    THEN
        RAISE EXCEPTION '% is not for the login %: change the schema by a migration', tg_tag, current_user
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION base.refuse_definitions() FROM PUBLIC;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'parkgrid_refuse_definitions') THEN
        CREATE EVENT TRIGGER parkgrid_refuse_definitions ON ddl_command_start EXECUTE FUNCTION base.refuse_definitions();
    END IF;
END
$$;

-- name: strangers
-- Everything of the schema that does not belong to its owner yet, as statements: functions last, since what runs as the
-- owner needs the owner's tables.
SELECT 1 AS place, format('ALTER SCHEMA base OWNER TO parkgrid_owner') AS command
FROM pg_namespace WHERE nspname = 'base' AND nspowner <> 'parkgrid_owner'::regrole
UNION ALL
SELECT CASE WHEN c.relkind = 'v' THEN 3 ELSE 2 END, format(
    'ALTER %s %s OWNER TO parkgrid_owner',
    CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass
)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('base', 'public') AND c.relkind IN ('r', 'p', 'v', 'S')
  AND c.relowner <> 'parkgrid_owner'::regrole
  -- an identity goes with its table, an extension's own stay its own
  AND NOT EXISTS (
    SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
      AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass)
  )
UNION ALL
SELECT 4, format('ALTER ROUTINE %s OWNER TO parkgrid_owner', p.oid::regprocedure)
FROM pg_proc AS p
WHERE p.pronamespace IN ('base'::regnamespace, 'public'::regnamespace) AND p.proowner <> 'parkgrid_owner'::regrole
  AND p.oid IS DISTINCT FROM to_regprocedure('base.refuse_definitions()')
  AND NOT EXISTS (
    SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  )
ORDER BY place, command;

-- name: other_memberships
SELECT g.rolname, pg_get_userbyid(a.grantor)
FROM pg_auth_members AS a JOIN pg_roles AS g ON g.oid = a.roleid JOIN pg_roles AS m ON m.oid = a.member
WHERE m.rolname = %s AND g.rolname <> %s;
