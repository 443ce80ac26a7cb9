-- Which migrations a database has, and what its server offers.

-- name: create_schema_migration
CREATE SCHEMA IF NOT EXISTS base;
CREATE TABLE IF NOT EXISTS base.schema_migration (
    version text PRIMARY KEY,
    name text NOT NULL,
    variant text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    statements_done int4 NOT NULL,
    complete boolean NOT NULL
);
-- What was made because the catalogue of signals asks for it: each statement with its SHA-256.
CREATE TABLE IF NOT EXISTS base.schema_step (
    step_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    made_at timestamptz NOT NULL DEFAULT now(),
    relation text NOT NULL,
    statement text NOT NULL,
    digest text NOT NULL
);

-- name: is_older
-- A database of a version before 0.1.0, in which no key is led by its park.
SELECT to_regclass('base.park') IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = to_regclass('base.park') AND attname = 'park_id'
);

-- name: recorded_kind
SELECT variant FROM base.schema_migration ORDER BY version LIMIT 1;

-- name: noted_migrations
SELECT version, name, checksum, complete, statements_done, applied_at::text FROM base.schema_migration;

-- name: note_migration
INSERT INTO base.schema_migration (version, name, variant, checksum, statements_done, complete)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (version) DO UPDATE SET statements_done = excluded.statements_done, complete = excluded.complete;

-- name: server_offer
SELECT
    coalesce(e.extversion, a.default_version),
    e.extversion IS NOT NULL,
    current_setting('shared_preload_libraries') LIKE '%timescaledb%',
    current_setting('timescaledb.license', true),
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        OR (coalesce(v.trusted, false) AND has_database_privilege(current_database(), 'CREATE'))
FROM (VALUES ('timescaledb')) AS wanted (name)
LEFT JOIN pg_available_extensions AS a USING (name)
LEFT JOIN pg_available_extension_versions AS v ON v.name = a.name AND v.version = a.default_version
LEFT JOIN pg_extension AS e ON e.extname = wanted.name;

-- name: store_of_database
SELECT variant FROM base.schema_migration WHERE complete ORDER BY version DESC LIMIT 1;
