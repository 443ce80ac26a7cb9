-- Who may do what. The groups belong to the whole server: a migrator that may not create them goes on without them.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['parkgrid_ingest', 'parkgrid_api', 'parkgrid_grafana'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % is missing and may not be created: create it and grant it by hand', role;
        END;
    END LOOP;
    -- These act once the group is given a login; a panel's query must end and must not write.
    BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'parkgrid_grafana' AND rolconfig IS NULL) THEN
            ALTER ROLE parkgrid_grafana SET statement_timeout = '30s';
            ALTER ROLE parkgrid_grafana SET default_transaction_read_only = on;
        END IF;
    EXCEPTION
        WHEN insufficient_privilege OR internal_error OR undefined_object THEN
            RAISE NOTICE 'role parkgrid_grafana may not be changed: set its statement_timeout by hand';
    END;
END
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA base FROM PUBLIC;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA base FROM PUBLIC;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;

DO $$
DECLARE
    role text;
BEGIN
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('parkgrid_ingest', 'parkgrid_api', 'parkgrid_grafana') LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA public TO %I', role);
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO %I', role);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'parkgrid_ingest') THEN
        GRANT USAGE ON SCHEMA base TO parkgrid_ingest;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA base TO parkgrid_ingest;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA base TO parkgrid_ingest;
        ALTER DEFAULT PRIVILEGES IN SCHEMA base GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO parkgrid_ingest;
    END IF;
END
$$;
