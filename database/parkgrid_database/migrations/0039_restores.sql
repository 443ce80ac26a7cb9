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

CREATE VIEW public.store_restores AS
SELECT park, gateway, acked_epoch, acked_through, held_epoch, held_through, held_at, noted_at FROM base.store_restore;

-- Who lost the batches: 'gateway' its outbox gave them up; 'restore' they were stored, and the backup was older.
ALTER TABLE base.sequence_gap
    ADD COLUMN cause text NOT NULL DEFAULT 'gateway' CHECK (cause IN ('gateway', 'restore'));

CREATE OR REPLACE VIEW public.sequence_gaps AS
SELECT e.park, e.gateway, e.epoch, g.first_seq, g.last_seq, g.noted_at, g.cause
FROM base.sequence_gap AS g
JOIN base.gateway_epoch AS e USING (epoch_id);

ALTER TABLE base.data_gap DROP CONSTRAINT data_gap_cause_check;
ALTER TABLE base.data_gap
    ADD CONSTRAINT data_gap_cause_check CHECK (cause IN ('device', 'gateway', 'link', 'ingest', 'source', 'restore'));
