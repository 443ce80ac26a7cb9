-- Who there is, what arrived, what was refused. Schema `base` holds tables for ingest alone; schema `public` holds views.

REVOKE ALL ON SCHEMA base FROM PUBLIC;

CREATE TABLE base.park (
    park text PRIMARY KEY,
    district text NOT NULL DEFAULT '',
    name_zh text NOT NULL DEFAULT '',
    name_en text NOT NULL DEFAULT '',
    time_zone text NOT NULL DEFAULT 'Asia/Shanghai'
);

CREATE TABLE base.gateway_birth (
    park text NOT NULL REFERENCES base.park,
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
    PRIMARY KEY (park, gateway)
);

CREATE TABLE base.device (
    device_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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
    UNIQUE (park, gateway, device, device_class),
    FOREIGN KEY (park, gateway) REFERENCES base.gateway_birth
);

-- One row for each life of an outbox. Its lock in every commit is what fences a second writer off.
CREATE TABLE base.gateway_epoch (
    epoch_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    park text NOT NULL,
    gateway text NOT NULL,
    epoch int8 NOT NULL,
    -- batches that are stored
    committed int8multirange NOT NULL DEFAULT '{}',
    -- batches that never came and never will: their gateway dropped them
    passed int8multirange NOT NULL DEFAULT '{}',
    through int8 NOT NULL DEFAULT 0,
    floor int8 NOT NULL DEFAULT 1,
    first_received_at timestamptz NOT NULL DEFAULT now(),
    last_received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (park, gateway, epoch)
) WITH (fillfactor = 50);

CREATE TABLE base.sequence_gap (
    epoch_id int4 NOT NULL REFERENCES base.gateway_epoch,
    first_seq int8 NOT NULL,
    last_seq int8 NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (epoch_id, first_seq)
);

CREATE TABLE base.quarantine (
    quarantine_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    last_received_at timestamptz NOT NULL,
    park text NOT NULL DEFAULT '',
    gateway text NOT NULL DEFAULT '',
    epoch int8 NOT NULL DEFAULT 0,
    seq int8 NOT NULL DEFAULT 0,
    device text NOT NULL DEFAULT '',
    reason text NOT NULL,
    location text NOT NULL,
    content text NOT NULL,
    occurrences int8 NOT NULL
);

-- Digested, because a location may be long: an index entry may not.
CREATE UNIQUE INDEX quarantine_key
    ON base.quarantine (park, gateway, epoch, seq, device, reason, md5(location));

CREATE INDEX quarantine_received_at ON base.quarantine (received_at);

CREATE TABLE base.conflict (
    conflict_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    device_id int4 NOT NULL,
    device_class text NOT NULL,
    at timestamptz NOT NULL,
    kept jsonb NOT NULL,
    refused jsonb NOT NULL
);

-- Which buckets have news: one line a commit and class, read and removed by maintenance.
CREATE TABLE base.rollup_dirty (
    dirty_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_class text NOT NULL,
    -- '1m': recompute from raw rows; '15m': recompute 15 minutes and the day from 1-minute buckets
    level text NOT NULL,
    -- parallel arrays; a minute counts from 1970-01-01T00:00Z
    devices int4[] NOT NULL,
    minutes int4[] NOT NULL
);

-- Written once and read once within seconds: packing them would cost more than it saves.
ALTER TABLE base.rollup_dirty ALTER COLUMN devices SET STORAGE EXTERNAL, ALTER COLUMN minutes SET STORAGE EXTERNAL;

-- How far a relation has got: the newest instant in it, and the instant before which retention removed it.
CREATE TABLE base.rollup_progress (
    relation text PRIMARY KEY,
    newest_at timestamptz,
    kept_from timestamptz
);

CREATE VIEW public.parks AS
SELECT park, district, name_zh, name_en, time_zone FROM base.park;

CREATE VIEW public.gateways AS
SELECT
    b.park, b.gateway, b.online, b.epoch, b.agent_version, b.simulated, b.birth_at,
    greatest(b.received_at, b.status_received_at, e.last_received_at) AS last_seen_at,
    b.status_at
FROM base.gateway_birth AS b
LEFT JOIN LATERAL (
    SELECT max(g.last_received_at) AS last_received_at FROM base.gateway_epoch AS g
    WHERE g.park = b.park AND g.gateway = b.gateway
) AS e ON true;

CREATE VIEW public.devices AS
SELECT
    d.device_id, p.district, d.park, d.gateway, d.device, d.device_class, d.name, d.model, d.firmware, d.period_s,
    d.ratings, d.signals, d.station, d.line, d.transformer, d.account, b.simulated, d.first_seen_at, d.retired
FROM base.device AS d
JOIN base.gateway_birth AS b USING (park, gateway)
JOIN base.park AS p USING (park);

CREATE VIEW public.quarantine AS
SELECT
    quarantine_id, received_at, nullif(park, '') AS park, nullif(gateway, '') AS gateway, nullif(epoch, 0) AS epoch,
    nullif(seq, 0) AS seq, nullif(device, '') AS device, reason, location, content, occurrences
FROM base.quarantine;

CREATE VIEW public.conflicts AS
SELECT conflict_id, received_at, device_id, device_class, at, kept, refused FROM base.conflict;

CREATE VIEW public.sequence_gaps AS
SELECT e.park, e.gateway, e.epoch, g.first_seq, g.last_seq, g.noted_at
FROM base.sequence_gap AS g
JOIN base.gateway_epoch AS e USING (epoch_id);

CREATE VIEW public.schema_migrations AS
SELECT version, name, variant, checksum, applied_at, complete FROM base.schema_migration;
