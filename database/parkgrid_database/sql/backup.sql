-- What a database holds, as it stands in the manifest of a backup and is compared after a restore.
-- Asked with an empty search_path, so that every name is written with its schema.

-- name: relations
-- Every table that a dump reads: its name, its size, whether its rows are counted, whether they have an instant.
-- The rows of a hypertable are counted at its root: that is how they are read.
SELECT
    format('%I.%I', n.nspname, c.relname),
    pg_table_size(c.oid),
    c.relkind = 'r' AND (n.nspname !~ '^_timescaledb' OR c.relname ~ '^_materialized_hypertable_[0-9]+$'),
    EXISTS (
        SELECT FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attname = 'at' AND a.atttypid = 'timestamptz'::regtype
    )
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1;

-- name: server
SELECT
    current_setting('server_version'),
    current_setting('server_version_num')::int4,
    pg_encoding_to_char(encoding),
    now(),
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
    current_database()
FROM pg_database WHERE datname = current_database();

-- name: extensions
SELECT extname, extversion FROM pg_extension ORDER BY 1;

-- name: offered_extensions
SELECT name, version FROM pg_available_extension_versions;

-- name: has_migrations
SELECT to_regclass('base.schema_migration') IS NOT NULL;

-- name: migrations
SELECT version, name, variant, checksum, complete FROM base.schema_migration ORDER BY version;

-- name: objects
-- Kind, on what, name, definition: everything whose loss a count of rows would not show. Of a view the parentheses do
-- not count: `(a OR b) OR c` comes back as `a OR b OR c`.
WITH relation AS (
    SELECT c.*, format('%I.%I', n.nspname, c.relname) AS name, n.nspname !~ '^_timescaledb' AS ours
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'
      AND (n.nspname !~ '^_timescaledb' OR c.relname ~ '^(_hyper_[0-9]+_[0-9]+_chunk|_materialized_hypertable_[0-9]+)$')
      AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      AND format('%I.%I', n.nspname, c.relname) <> 'public.parkgrid_restore'
), routine AS (
    SELECT p.* FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname !~ '^(pg_|_timescaledb)' AND n.nspname <> 'information_schema' AND p.prokind IN ('f', 'p')
      AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
)
SELECT 'constraint', r.name, k.conname::text,
    pg_get_constraintdef(k.oid) || CASE WHEN k.convalidated THEN '' ELSE ' (not checked)' END
FROM pg_constraint AS k JOIN relation AS r ON r.oid = k.conrelid
WHERE k.contype <> 'n'
UNION ALL
SELECT 'index', r.name, i.indexrelid::regclass::text,
    pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END
FROM pg_index AS i JOIN relation AS r ON r.oid = i.indrelid AND r.relkind IN ('r', 'p', 'm')
UNION ALL
SELECT 'trigger', r.name, t.tgname::text,
    pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'O' THEN '' ELSE format(' (%s)', t.tgenabled) END
FROM pg_trigger AS t JOIN relation AS r ON r.oid = t.tgrelid AND r.ours
WHERE NOT t.tgisinternal
UNION ALL
SELECT 'event trigger', '', e.evtname::text, format('%s %s %s', e.evtevent, e.evtfoid::regproc, e.evtenabled)
FROM pg_event_trigger AS e
WHERE NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e')
UNION ALL
SELECT 'routine', '', p.oid::regprocedure::text, encode(sha256(convert_to(pg_get_functiondef(p.oid), 'UTF8')), 'hex')
FROM routine AS p
UNION ALL
SELECT 'view', '', r.name, encode(sha256(convert_to(translate(pg_get_viewdef(r.oid), E'() \n', ''), 'UTF8')), 'hex')
FROM relation AS r WHERE r.relkind IN ('v', 'm')
UNION ALL
SELECT 'table', '', r.name, (
    SELECT string_agg(
        format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END)
            || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), ''), ', ' ORDER BY a.attnum)
    FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
) || coalesce(' PARTITION BY ' || pg_get_partkeydef(r.oid), '') || coalesce(' ' || pg_get_expr(r.relpartbound, r.oid), '')
FROM relation AS r WHERE r.relkind IN ('r', 'p') AND r.ours
UNION ALL
SELECT 'rights', '', r.name, coalesce((
    SELECT string_agg(held, '; ' ORDER BY held) FROM (
        SELECT format(
            '%s: %s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END,
            string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type)
        ) AS held
        FROM aclexplode(r.relacl) AS a
        WHERE a.grantee <> r.relowner AND a.grantee NOT IN (SELECT oid FROM pg_roles WHERE rolsuper)
        GROUP BY a.grantee
    ) AS each
), '')
FROM relation AS r WHERE r.relkind IN ('r', 'p', 'v', 'm') AND r.ours
UNION ALL
SELECT 'rights', '', p.oid::regprocedure::text, coalesce((
    SELECT string_agg(held, '; ' ORDER BY held) FROM (
        SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END AS held
        FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
        WHERE a.grantee <> p.proowner AND a.grantee NOT IN (SELECT oid FROM pg_roles WHERE rolsuper)
    ) AS each
), '')
FROM routine AS p
UNION ALL
SELECT 'owner', '', r.name, CASE WHEN o.rolsuper THEN '(superuser)' ELSE o.rolname END
FROM relation AS r JOIN pg_roles AS o ON o.oid = r.relowner
WHERE r.relkind IN ('r', 'p', 'v', 'm', 'S') AND r.ours
UNION ALL
SELECT 'owner', '', p.oid::regprocedure::text, CASE WHEN o.rolsuper THEN '(superuser)' ELSE o.rolname END
FROM routine AS p JOIN pg_roles AS o ON o.oid = p.proowner
ORDER BY 1, 2, 3;

-- name: sequences
SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences
WHERE schemaname !~ '^(pg_|_timescaledb)' AND last_value IS NOT NULL ORDER BY 1;

-- name: timescale
-- What TimescaleDB itself knows, by words that a restore does not change.
SELECT 'hypertable', format('%I.%I', h.hypertable_schema, h.hypertable_name), format('%s chunks', h.num_chunks)
FROM timescaledb_information.hypertables AS h
UNION ALL
SELECT 'continuous aggregate', format('%I.%I', a.view_schema, a.view_name),
    format('materialized only: %s', a.materialized_only)
FROM timescaledb_information.continuous_aggregates AS a
UNION ALL
SELECT 'policy', coalesce(format('%I.%I', j.hypertable_schema, j.hypertable_name), ''),
    format('%s every %s as %s: %s', j.proc_name, j.schedule_interval,
        CASE WHEN (SELECT rolsuper FROM pg_roles WHERE oid = j.owner) THEN '(superuser)' ELSE j.owner::text END, j.config - 'mat_hypertable_id' - 'hypertable_id')
FROM timescaledb_information.jobs AS j
WHERE j.job_id >= 1000
ORDER BY 1, 2, 3;

-- name: has_chain
SELECT to_regclass('base.vpp_entry') IS NOT NULL;

-- name: chain
-- The head of the pilot's ledger, and how many entries do not carry the digest of the one before.
SELECT number, digest, (
    SELECT count(*) FROM (
        SELECT previous, lag(digest, 1, repeat('0', 64)) OVER (ORDER BY number) AS before,
            number, row_number() OVER (ORDER BY number) AS place
        FROM base.vpp_entry
    ) AS link WHERE previous <> before OR number <> place
)
FROM base.vpp_entry ORDER BY number DESC LIMIT 1;

-- name: digests
SELECT number, digest FROM base.vpp_entry ORDER BY number;

-- name: by_people
-- The newest row of every table in which people are named: a column `…_by` beside one `…_at`.
SELECT format(
    'SELECT %L, count(*), max(%I)::text, (array_agg(%I ORDER BY %I DESC NULLS LAST))[1] FROM base.%I',
    c.relname, left(b.attname, -2) || 'at', b.attname, left(b.attname, -2) || 'at', c.relname
)
FROM pg_class AS c
JOIN pg_attribute AS b ON b.attrelid = c.oid AND b.attname ~ '_by$' AND b.atttypid = 'text'::regtype
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = left(b.attname, -2) || 'at'
WHERE c.relnamespace = 'base'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname;

-- name: has_declarations
SELECT to_regclass('public.register_declarations') IS NOT NULL;

-- name: declared
SELECT park || '/' || gateway || '/' || device || '/' || signal, (date_part('epoch', valid_from) * 1000)::int8
FROM public.register_declarations;

-- name: has_hold
-- Not in a backup that was made before this table was; and a ledger without an entry has nothing that was issued.
SELECT to_regclass('base.vpp_restore') IS NOT NULL AND EXISTS (SELECT FROM base.vpp_entry);

-- name: hold_ledger
INSERT INTO base.vpp_restore (state, told, by) VALUES ('restored', %s, 'parkgrid db restore');

-- name: roles
-- Whoever owns something here or has a right here, the roles of parkgrid, the logins in its groups, and those that are
-- asked for. The server's first superuser has no dependencies: it is found as an owner.
WITH RECURSIVE needed AS (
    SELECT d.refobjid AS oid FROM pg_shdepend AS d
    WHERE d.refclassid = 'pg_authid'::regclass AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION
    SELECT relowner FROM pg_class
    UNION
    SELECT proowner FROM pg_proc
    UNION
    SELECT evtowner FROM pg_event_trigger
    UNION
    SELECT oid FROM pg_roles WHERE rolname IN (
        'parkgrid_owner', 'parkgrid_ingest', 'parkgrid_accounting', 'parkgrid_vpp', 'parkgrid_api', 'parkgrid_grafana'
    )
    UNION
    SELECT oid FROM pg_roles WHERE rolname = ANY(%(names)s)
    UNION
    SELECT m.member FROM pg_auth_members AS m JOIN pg_roles AS g ON g.oid = m.roleid WHERE g.rolname IN (
        'parkgrid_ingest', 'parkgrid_accounting', 'parkgrid_vpp', 'parkgrid_api', 'parkgrid_grafana'
    )
)
SELECT r.rolname, r.rolsuper, r.rolcanlogin, r.rolinherit, r.rolconnlimit,
    coalesce((
        SELECT s.setconfig FROM pg_db_role_setting AS s WHERE s.setrole = r.oid AND s.setdatabase = 0
    ), ARRAY[]::text[]),
    coalesce((
        SELECT array_agg(g.rolname ORDER BY g.rolname) FROM pg_auth_members AS m JOIN pg_roles AS g ON g.oid = m.roleid
        WHERE m.member = r.oid AND NOT g.rolsuper AND g.oid IN (SELECT oid FROM needed)
    ), ARRAY[]::name[])::text[]
FROM pg_roles AS r JOIN needed USING (oid)
WHERE r.rolname !~ '^pg_'
ORDER BY 1;

-- name: password_hashes
SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY(%s) AND rolpassword IS NOT NULL;

-- name: database_settings
SELECT unnest(setconfig) FROM pg_db_role_setting
WHERE setrole = 0 AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database());

-- name: strange_relations
-- What makes a database not empty.
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^(pg_|_timescaledb)' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
  AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
UNION ALL
SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^(pg_|_timescaledb|timescaledb_)' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT format('schema %I', n.nspname) FROM pg_namespace AS n
WHERE n.nspname !~ '^(pg_|_timescaledb)' AND n.nspname NOT IN ('information_schema', 'public')
  AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
ORDER BY 1;

-- name: marker
SELECT to_regclass('public.parkgrid_restore') IS NOT NULL;

-- name: marked
SELECT state, backup, begun_at::text, connection_limit FROM public.parkgrid_restore;

-- name: mark
CREATE TABLE public.parkgrid_restore (
    state text NOT NULL,
    backup text NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now(),
    connection_limit int4 NOT NULL
);
REVOKE ALL ON public.parkgrid_restore FROM PUBLIC;

-- name: connection_limit
SELECT datconnlimit FROM pg_database WHERE datname = current_database();
