-- Who there is: parks, their gateways, their devices. Schema `base` holds tables, schema `public` holds views.

REVOKE ALL ON SCHEMA base FROM PUBLIC;

CREATE TABLE base.park (
    -- leads the key of everything that belongs to a park
    park_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    park text NOT NULL UNIQUE,
    district text NOT NULL DEFAULT '',
    name_zh text NOT NULL DEFAULT '',
    name_en text NOT NULL DEFAULT '',
    time_zone text NOT NULL DEFAULT 'Asia/Shanghai',
    -- where it lies: what irradiance is possible there, and when it is night, follows from the place of the sun
    latitude float8 CHECK (latitude BETWEEN -90 AND 90),
    longitude float8 CHECK (longitude BETWEEN -180 AND 180),
    CONSTRAINT park_place CHECK ((latitude IS NULL) = (longitude IS NULL))
);

CREATE TABLE base.gateway_birth (
    park text NOT NULL REFERENCES base.park (park),
    gateway text NOT NULL,
    epoch int8 NOT NULL,
    agent_version text NOT NULL,
    simulated boolean NOT NULL,
    birth_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    online boolean NOT NULL DEFAULT true,
    status_epoch int8,
    status_at timestamptz,
    status_received_at timestamptz,
    -- it stands for files or for a foreign store: nobody is connected there, and what it lacks its source lacks
    imported boolean NOT NULL DEFAULT false,
    PRIMARY KEY (park, gateway)
);

-- Gateways that an operator does not admit, whether they were ever born or not: a broker keeps births for ever.
CREATE TABLE base.gateway_retired (
    park text NOT NULL,
    gateway text NOT NULL,
    reason text NOT NULL,
    retired_by text NOT NULL,
    retired_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (park, gateway)
);

-- Counts the changes that others than ingest make to the registry: a running ingest then reads it again.
CREATE TABLE base.registry_change (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    change int8 NOT NULL
);

INSERT INTO base.registry_change (change) VALUES (0);

CREATE TABLE base.device (
    device_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    park_id int4 NOT NULL REFERENCES base.park,
    park text NOT NULL,
    gateway text NOT NULL,
    device text NOT NULL,
    device_class text NOT NULL,
    name text NOT NULL,
    model text NOT NULL,
    firmware text NOT NULL,
    period_s float8 NOT NULL,
    ratings jsonb NOT NULL,
    signals text[] NOT NULL,
    station text NOT NULL,
    line text NOT NULL,
    transformer text NOT NULL,
    account text NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    retired boolean NOT NULL DEFAULT false,
    -- what keeps it from being read until a person mends it, as its gateway names it
    problem text NOT NULL DEFAULT '',
    UNIQUE (park, gateway, device, device_class),
    FOREIGN KEY (park, gateway) REFERENCES base.gateway_birth
);

-- What was declared and what was published stay readable for ever.
CREATE FUNCTION base.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: add a row that supersedes the former one', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE VIEW public.parks AS
SELECT park, district, name_zh, name_en, time_zone, latitude, longitude, park_id FROM base.park;

-- Whoever reads bears what is stored: a period that no reader can count with is none.
CREATE VIEW public.devices AS
SELECT
    d.park_id, d.device_id, p.district, d.park, d.gateway, d.device, d.device_class, d.name, d.model, d.firmware,
    least(greatest(d.period_s, 0.01), 86400) AS period_s,
    d.ratings, d.signals, d.station, d.line, d.transformer, d.account, b.simulated, d.first_seen_at, d.retired
FROM base.device AS d
JOIN base.gateway_birth AS b USING (park, gateway)
JOIN base.park AS p USING (park);

CREATE VIEW public.device_problems AS
SELECT park, gateway, device, device_class, problem FROM base.device WHERE problem <> '' AND NOT retired;

CREATE VIEW public.retired_gateways AS
SELECT park, gateway, reason, retired_by, retired_at FROM base.gateway_retired;

CREATE VIEW public.schema_migrations AS
SELECT version, name, variant, checksum, applied_at, complete FROM base.schema_migration;

CREATE VIEW public.schema_steps AS
SELECT step_id, made_at, relation, statement, digest FROM base.schema_step;
