-- The ledger of the virtual power plant pilot: every act is one row, chained by digests, written once and never changed.
-- Everything else of the pilot (registry, events, statements) is computed from these rows.
CREATE TABLE base.vpp_entry (
    number int8 PRIMARY KEY CHECK (number > 0),
    kind text NOT NULL,
    subject text NOT NULL,
    at timestamptz NOT NULL,
    by text NOT NULL,
    -- canonical JSON, so that its digest can be computed again
    document text NOT NULL,
    previous text NOT NULL,
    digest text NOT NULL UNIQUE
);

-- What is about one event or one resource.
CREATE INDEX vpp_entry_subject ON base.vpp_entry (subject, number);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON base.vpp_entry
FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change();

CREATE VIEW public.vpp_entries AS
SELECT number, kind, subject, at, by, document, previous, digest FROM base.vpp_entry;
