-- The chain of the pilot after a restore: what others were given of it and this store lacks, and whether anybody compared.

-- Entries that were issued, by their digest, and that the store did not hold when this was noted. The chain is closed
-- while one of them is not settled.
CREATE TABLE base.vpp_issued (
    number int8 NOT NULL CHECK (number > 0),
    digest text NOT NULL,
    -- what says so: the file of issued digests, a bundle, a running process
    source text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    -- the entry that ended it: this one itself, read back, or that by which a person gave it up
    settled_by int8,
    PRIMARY KEY (number, digest)
);

CREATE INDEX vpp_issued_open ON base.vpp_issued (number) WHERE settled_by IS NULL;

-- A restore holds the chain until somebody has compared it with what was issued. The newest row counts.
CREATE TABLE base.vpp_restore (
    row_number int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('restored', 'compared')),
    -- the file of the backup, or with what it was compared
    told text NOT NULL,
    by text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON base.vpp_restore
FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change();

CREATE VIEW public.vpp_issued AS SELECT number, digest, source, noted_at, settled_by FROM base.vpp_issued;
CREATE VIEW public.vpp_restores AS SELECT row_number, state, told, by, at FROM base.vpp_restore;

-- The last guard, also against programs that do not ask: a closed chain takes only what was issued, and a declared loss.
CREATE FUNCTION base.keep_one_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE base.vpp_issued SET settled_by = NEW.number
    WHERE number = NEW.number AND digest = NEW.digest AND settled_by IS NULL;
    IF FOUND THEN
        RETURN NEW;
    END IF;
    IF NEW.kind = 'loss' THEN
        UPDATE base.vpp_issued SET settled_by = NEW.number
        WHERE number > (NEW.document::json ->> 'after')::int8 AND settled_by IS NULL;
    ELSIF (SELECT state FROM base.vpp_restore ORDER BY row_number DESC LIMIT 1) = 'restored' THEN
        RAISE EXCEPTION 'entry % is refused: this store was restored, and nobody compared its ledger with what was issued', NEW.number
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'parkgrid vpp ledger read-back';
    END IF;
    IF EXISTS (SELECT FROM base.vpp_issued WHERE settled_by IS NULL) THEN
        RAISE EXCEPTION 'entry % is refused: entries that were issued are not in this ledger', NEW.number
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'parkgrid vpp ledger read-back';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION base.keep_one_history() FROM PUBLIC;

CREATE TRIGGER one_history BEFORE INSERT ON base.vpp_entry FOR EACH ROW EXECUTE FUNCTION base.keep_one_history();
