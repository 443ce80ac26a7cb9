-- What arrived, what was refused, what is to be made of it, and what retention has removed.

-- One row for each life of an outbox. Its lock in every commit is what fences a second writer off.
CREATE TABLE base.gateway_epoch (
    park_id int4 NOT NULL,
    epoch_id int4 GENERATED ALWAYS AS IDENTITY,
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
    PRIMARY KEY (park_id, epoch_id),
    UNIQUE (park_id, gateway, epoch)
) WITH (fillfactor = 50);

CREATE TABLE base.sequence_gap (
    park_id int4 NOT NULL,
    epoch_id int4 NOT NULL,
    first_seq int8 NOT NULL,
    last_seq int8 NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    -- who lost the batches: 'gateway' its outbox gave them up; 'restore' they were stored, and the backup was older
    cause text NOT NULL DEFAULT 'gateway' CHECK (cause IN ('gateway', 'restore')),
    PRIMARY KEY (park_id, epoch_id, first_seq),
    FOREIGN KEY (park_id, epoch_id) REFERENCES base.gateway_epoch
);

-- A database that was restored from a backup holds less than was acknowledged. Which gateway noticed it, and when.
CREATE TABLE base.store_restore (
    park text NOT NULL,
    gateway text NOT NULL,
    -- epoch, and the batch up to which everything of it had been acknowledged
    acked_epoch int8 NOT NULL,
    acked_through int8 NOT NULL,
    -- what was there of the newest epoch up to that one; null: nothing of any
    held_epoch int8,
    held_through int8,
    -- when the last batch of it had arrived
    held_at timestamptz,
    noted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (park, gateway, acked_epoch)
);

-- What was refused may come from no park that is known.
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
    park_id int4 NOT NULL,
    conflict_id int8 GENERATED ALWAYS AS IDENTITY,
    received_at timestamptz NOT NULL,
    device_id int4 NOT NULL,
    device_class text NOT NULL,
    at timestamptz NOT NULL,
    kept jsonb NOT NULL,
    refused jsonb NOT NULL,
    PRIMARY KEY (park_id, conflict_id)
);

-- Which quarters of an hour of a signal hold estimated values: what comes of them says so.
CREATE TABLE base.estimate (
    park_id int4 NOT NULL,
    device_id int4 NOT NULL,
    signal text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (park_id, device_id, signal, at)
);

-- Which buckets have news: one line a commit, park and class, read and removed by maintenance.
CREATE TABLE base.rollup_dirty (
    park_id int4 NOT NULL,
    dirty_id int8 GENERATED ALWAYS AS IDENTITY,
    device_class text NOT NULL,
    -- '1m': recompute from raw rows; '15m': recompute 15 minutes and the day from 1-minute buckets
    level text NOT NULL,
    -- parallel arrays; a minute counts from 1970-01-01T00:00Z
    devices int4[] NOT NULL,
    minutes int4[] NOT NULL,
    PRIMARY KEY (park_id, dirty_id)
);

-- Written once and read once within seconds: packing them would cost more than it saves.
ALTER TABLE base.rollup_dirty ALTER COLUMN devices SET STORAGE EXTERNAL, ALTER COLUMN minutes SET STORAGE EXTERNAL;

-- How far a relation of a park has got: the newest instant in it, and the instant before which retention removed it.
CREATE TABLE base.rollup_progress (
    park_id int4 NOT NULL,
    relation text NOT NULL,
    newest_at timestamptz,
    kept_from timestamptz,
    PRIMARY KEY (park_id, relation)
) WITH (fillfactor = 50);

-- A partition, chunk or month that no park needs any more is announced, and goes some days later.
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

-- An import is neither online nor offline, and nobody sees it. A retired gateway is none that somebody waits for.
CREATE VIEW public.gateways AS
SELECT
    b.park, b.gateway, CASE WHEN NOT b.imported THEN b.online END AS online,
    b.epoch, b.agent_version, b.simulated, b.birth_at,
    CASE WHEN NOT b.imported THEN greatest(b.received_at, b.status_received_at, e.last_received_at) END AS last_seen_at,
    b.status_at, b.imported
FROM base.gateway_birth AS b
JOIN base.park AS p USING (park)
LEFT JOIN LATERAL (
    SELECT max(g.last_received_at) AS last_received_at FROM base.gateway_epoch AS g
    WHERE g.park_id = p.park_id AND g.gateway = b.gateway
) AS e ON true
WHERE NOT EXISTS (SELECT FROM base.gateway_retired AS r WHERE r.park = b.park AND r.gateway = b.gateway);

-- Which life of which outbox a reading came in: what a trace ends at.
CREATE VIEW public.gateway_epochs AS
SELECT e.park_id, e.epoch_id, p.park, e.gateway, e.epoch, e.through, e.first_received_at, e.last_received_at
FROM base.gateway_epoch AS e
JOIN base.park AS p USING (park_id);

CREATE VIEW public.sequence_gaps AS
SELECT p.park, e.gateway, e.epoch, g.first_seq, g.last_seq, g.noted_at, g.cause
FROM base.sequence_gap AS g
JOIN base.gateway_epoch AS e USING (park_id, epoch_id)
JOIN base.park AS p USING (park_id);

CREATE VIEW public.store_restores AS
SELECT park, gateway, acked_epoch, acked_through, held_epoch, held_through, held_at, noted_at FROM base.store_restore;

CREATE VIEW public.quarantine AS
SELECT
    quarantine_id, received_at, nullif(park, '') AS park, nullif(gateway, '') AS gateway, nullif(epoch, 0) AS epoch,
    nullif(seq, 0) AS seq, nullif(device, '') AS device, reason, location, content, occurrences
FROM base.quarantine;

CREATE VIEW public.conflicts AS
SELECT conflict_id, received_at, park_id, device_id, device_class, at, kept, refused FROM base.conflict;

CREATE VIEW public.estimates AS
SELECT park_id, device_id, signal, at FROM base.estimate;

-- How far the store has got.
CREATE VIEW public.store_progress AS
SELECT relation, max(newest_at) AS newest_at, max(kept_from) AS kept_from FROM base.rollup_progress GROUP BY relation;

CREATE VIEW public.removals AS
SELECT removal_id, relation, part, from_at, to_at, rows, parks, kept_days, announced_at, due_at, removed_at
FROM base.removal;
