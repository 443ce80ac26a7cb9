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
    digest text NOT NULL UNIQUE,
    -- The part of a document that questions over many entries need. A statement of a thousand resources has a megabyte of
    -- text, of which lists of events need one thousandth; long texts that only one event needs are left out whole.
    brief jsonb GENERATED ALWAYS AS (
        CASE
            WHEN kind IN ('rules', 'frozen', 'adjusted') THEN NULL
            WHEN kind = 'statement' THEN jsonb_set(
                document::jsonb - '{resources,intervals,lines,known_later}'::text[], '{answered}',
                jsonb_path_query_array(
                    document::jsonb,
                    '$.resources[*] ? (exists (@.quarters[*] ? (@.verdict == "delivered" || @.verdict == "partial"))).resource'
                )
            )
            WHEN kind = 'test' THEN document::jsonb - '{minutes_w,minutes_before_w}'::text[]
            ELSE document::jsonb
        END
    ) STORED
);

-- What is about one event or one resource.
CREATE INDEX vpp_entry_subject ON base.vpp_entry (subject, number);

-- The newest of what is said of a kind about a subject, and everything of a kind.
CREATE INDEX vpp_entry_kind ON base.vpp_entry (kind, subject, number);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON base.vpp_entry
FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change();

CREATE VIEW public.vpp_entries AS
SELECT number, kind, subject, at, by, document, previous, digest, brief FROM base.vpp_entry;

-- Forecasts of what resources of the pilot draw, as they were issued, so that each can be compared with what came.
-- One row is one forecast of one resource; rows older than 35 days are deleted when new ones are issued.
CREATE TABLE base.vpp_forecast (
    park text NOT NULL REFERENCES base.park (park),
    resource text NOT NULL,
    issued_at timestamptz NOT NULL,
    method text NOT NULL,
    -- the first quarter hour; each value is the mean power of one in W, or nothing where it is not known
    start_at timestamptz NOT NULL,
    mean_w int8[] NOT NULL,
    -- how the forecasts of the seven days before did: quarter hours compared, errors in W, how often the promise held
    scored int4 NOT NULL,
    mae_w int8 NOT NULL,
    bias_w int8 NOT NULL,
    held int4 NOT NULL,
    PRIMARY KEY (park, resource, issued_at)
);

CREATE VIEW public.vpp_forecasts AS
SELECT park, resource, issued_at, method, start_at, mean_w, scored, mae_w, bias_w, held FROM base.vpp_forecast;

-- What the process says can be adjusted in the next 24 hours: the newest computation of the pool ('all'), of each park
-- and of each transformer. It is replaced as a whole.
CREATE TABLE base.vpp_capability (
    kind text NOT NULL CHECK (kind IN ('all', 'park', 'transformer')),
    id text NOT NULL,
    computed_at timestamptz NOT NULL,
    -- number of the ledger's last entry that was known then
    entry int8 NOT NULL,
    -- the first quarter hour; each value is one: W, minutes that it can be held, what limits it
    start_at timestamptz NOT NULL,
    up_w int8[] NOT NULL,
    up_min float8[] NOT NULL,
    up_limit text[] NOT NULL,
    down_w int8[] NOT NULL,
    down_min float8[] NOT NULL,
    down_limit text[] NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE VIEW public.vpp_capabilities AS
SELECT
    c.kind, c.id, c.computed_at, c.entry, c.start_at + (s.place - 1) * INTERVAL '15 min' AS at,
    s.up_w / 1000::float8 AS up_kw, s.up_min, s.up_limit, s.down_w / 1000::float8 AS down_kw, s.down_min, s.down_limit
FROM base.vpp_capability AS c
CROSS JOIN LATERAL unnest(c.up_w, c.up_min, c.up_limit, c.down_w, c.down_min, c.down_limit)
    WITH ORDINALITY AS s (up_w, up_min, up_limit, down_w, down_min, down_limit, place);

-- Events as the fold of the ledger has them (domain.vpp.pilot): the last state counts, an acknowledgement is none, a
-- settled event with a dispute that is not decided is disputed, and what opted out in time is not awarded. What is
-- costly stands in the list of columns, so that it is computed only for the rows and columns that are asked for.
CREATE VIEW public.vpp_events AS
SELECT
    number AS entry, event, at AS published_at, name_zh, name_en, direction, type, notice_class, setup, from_at, to_at,
    opt_out_until, target_w / 1000::float8 AS target_kw, pack, reached,
    CASE WHEN reached = 'settled' AND open_disputes > 0 THEN 'disputed' ELSE reached END AS state, open_disputes,
    (
        SELECT coalesce(sum(p.w), 0) / 1000::float8 FROM jsonb_to_recordset(award -> 'awards') AS a (operator text, parts jsonb)
        CROSS JOIN LATERAL jsonb_to_recordset(a.parts) AS p (resource text, w int8)
        WHERE a.operator || ' ' || p.resource <> ALL (excused)
    ) AS awarded_kw,
    (
        SELECT count(*) FROM jsonb_to_recordset(award -> 'awards') AS a (operator text, parts jsonb)
        CROSS JOIN LATERAL jsonb_to_recordset(a.parts) AS p (resource text)
        WHERE a.operator || ' ' || p.resource <> ALL (excused)
    ) AS resources,
    (award ->> 'short_w')::int8 / 1000::float8 AS short_kw, (award ->> 'price')::numeric AS price_cny_per_kwh,
    award -> 'awards' AS awards, excused
FROM (
    SELECT
        e.number, e.subject AS event, e.at, e.brief ->> 'name_zh' AS name_zh, e.brief ->> 'name_en' AS name_en,
        e.brief ->> 'direction' AS direction, e.brief ->> 'type' AS type, e.brief ->> 'notice_class' AS notice_class,
        e.brief ->> 'setup' AS setup, (e.brief ->> 'from')::timestamptz AS from_at, (e.brief ->> 'to')::timestamptz AS to_at,
        (e.brief ->> 'opt_out_until')::timestamptz AS opt_out_until, (e.brief ->> 'target_w')::int8 AS target_w,
        e.brief -> 'rules' ->> 'pack' AS pack,
        coalesce(
            (
                SELECT s.brief ->> 'state' FROM base.vpp_entry AS s
                WHERE s.kind = 'state' AND s.subject = e.subject AND s.brief ->> 'state' <> 'acknowledged'
                ORDER BY s.number DESC LIMIT 1
            ),
            CASE
                WHEN EXISTS (SELECT FROM base.vpp_entry AS a WHERE a.kind = 'award' AND a.subject = e.subject)
                THEN 'awarded' ELSE 'published'
            END
        ) AS reached,
        (
            SELECT count(*) FROM (
                SELECT DISTINCT ON (d.brief ->> 'dispute') d.brief ->> 'step' AS step FROM base.vpp_entry AS d
                WHERE d.kind = 'dispute' AND d.subject = e.subject
                ORDER BY d.brief ->> 'dispute', d.number DESC
            ) AS last WHERE step <> 'decided'
        ) AS open_disputes,
        (
            SELECT a.brief FROM base.vpp_entry AS a
            WHERE a.kind = 'award' AND a.subject = e.subject ORDER BY a.number DESC LIMIT 1
        ) AS award,
        ARRAY(
            SELECT (o.brief ->> 'operator') || ' ' || (o.brief ->> 'resource') FROM base.vpp_entry AS o
            WHERE o.kind = 'opt_out' AND o.subject = e.subject AND o.at <= (e.brief ->> 'opt_out_until')::timestamptz
        ) AS excused
    FROM base.vpp_entry AS e WHERE e.kind = 'event'
) AS known;

-- Statements with every revision; only one of an award stands. Energies are those of its verified quarter hours;
-- `paid_kwh` leaves out those in which too little was delivered.
CREATE VIEW public.vpp_statements AS
SELECT
    e.number AS entry, e.subject AS event, e.brief ->> 'statement' AS statement, e.brief ->> 'award' AS award,
    e.brief ->> 'operator' AS operator, (e.brief ->> 'revision')::int4 AS revision, e.brief ->> 'cause' AS cause,
    e.brief ->> 'status' AS status, e.brief ->> 'direction' AS direction, (e.brief ->> 'price')::numeric AS price_cny_per_kwh,
    (e.brief ->> 'payment')::numeric AS payment_cny, (e.brief ->> 'penalty')::numeric AS penalty_cny,
    (e.brief ->> 'net')::numeric AS net_cny, e.at, e.by, e.digest,
    NOT EXISTS (
        SELECT FROM base.vpp_entry AS n
        WHERE n.kind = 'statement' AND n.subject = e.subject AND n.number > e.number
          AND n.brief ->> 'award' = e.brief ->> 'award'
    ) AS stands,
    q.promised_kwh, q.moved_kwh, q.paid_kwh, q.delivered, q.partial, q.not_delivered, q.unverified,
    e.brief -> 'answered' AS answered, e.brief -> 'quarters' AS quarters
FROM base.vpp_entry AS e
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(award_wh) FILTER (WHERE moved_wh IS NOT NULL), 0) / 1000::float8 AS promised_kwh,
        coalesce(sum(moved_wh), 0) / 1000::float8 AS moved_kwh,
        coalesce(sum(moved_wh) FILTER (WHERE verdict IN ('delivered', 'partial')), 0) / 1000::float8 AS paid_kwh,
        count(*) FILTER (WHERE verdict = 'delivered') AS delivered, count(*) FILTER (WHERE verdict = 'partial') AS partial,
        count(*) FILTER (WHERE verdict = 'not_delivered') AS not_delivered,
        count(*) FILTER (WHERE verdict = 'unverified') AS unverified
    FROM jsonb_to_recordset(e.brief -> 'quarters') AS quarter (award_wh int8, moved_wh int8, verdict text)
) AS q
WHERE e.kind = 'statement';

-- Resources as they are registered now, and how far each has come. Available today: active, named by a contract that is
-- in force in Shenzhen, at a place that is known all the way up.
CREATE VIEW public.vpp_resources AS
WITH RECURSIVE place AS (
    SELECT DISTINCT ON (subject) subject AS location, brief ->> 'parent' AS parent, brief ->> 'provenance' AS provenance
    FROM base.vpp_entry WHERE kind = 'location' ORDER BY subject, number DESC
), path AS (
    SELECT location AS account, location, parent, provenance FROM place
    UNION
    SELECT path.account, place.location, place.parent, place.provenance FROM path JOIN place ON place.location = path.parent
), proven AS (
    SELECT account FROM path GROUP BY account HAVING bool_and(provenance <> 'unverified')
), resource AS (
    SELECT DISTINCT ON (subject) subject AS resource, number AS entry, brief
    FROM base.vpp_entry WHERE kind = 'resource' ORDER BY subject, number DESC
), phase AS (
    SELECT
        subject AS resource, (array_agg(brief ->> 'phase' ORDER BY number DESC))[1] AS phase,
        bool_or(brief ->> 'phase' IN ('joint_test', 'announced', 'active', 'suspended')) AS tested
    FROM base.vpp_entry WHERE kind = 'phase' GROUP BY subject
), bound AS (
    SELECT DISTINCT named.resource FROM (
        SELECT DISTINCT ON (subject) brief FROM base.vpp_entry WHERE kind = 'contract' ORDER BY subject, number DESC
    ) AS newest
    CROSS JOIN LATERAL jsonb_array_elements_text(brief -> 'resources') AS named (resource)
    WHERE (brief ->> 'valid_from')::date <= (now() AT TIME ZONE 'Asia/Shanghai')::date
      AND coalesce((brief ->> 'valid_to')::date > (now() AT TIME ZONE 'Asia/Shanghai')::date, true)
), paid AS MATERIALIZED (
    SELECT event FROM public.vpp_events WHERE state IN ('settled', 'closed')
), standing AS MATERIALIZED (
    SELECT answered, event IN (SELECT event FROM paid) AS settled FROM public.vpp_statements WHERE stands
), answered AS (
    SELECT named.resource, bool_or(s.settled) AS settled
    FROM standing AS s CROSS JOIN LATERAL jsonb_array_elements_text(s.answered) AS named (resource)
    GROUP BY named.resource
)
SELECT
    r.resource, r.entry, r.brief ->> 'name_zh' AS name_zh, r.brief ->> 'name_en' AS name_en, r.brief ->> 'park' AS park,
    r.brief ->> 'account' AS account, r.brief ->> 'kind' AS kind, (r.brief ->> 'up_w')::int8 / 1000::float8 AS up_kw,
    (r.brief ->> 'down_w')::int8 / 1000::float8 AS down_kw, r.brief ->> 'baseline' AS baseline,
    coalesce(p.phase, '') AS phase, coalesce(p.phase <> 'left', false) AS registered,
    coalesce(p.phase <> 'left' AND p.tested, false) AS tested,
    coalesce(p.phase = 'active', false) AND r.resource IN (SELECT resource FROM bound)
        AND r.brief ->> 'account' IN (SELECT account FROM proven) AS available,
    coalesce(p.phase <> 'left' AND a.resource IS NOT NULL, false) AS responded,
    coalesce(p.phase <> 'left' AND a.settled, false) AS settled, r.brief -> 'meter' AS meter
FROM resource AS r LEFT JOIN phase AS p USING (resource) LEFT JOIN answered AS a USING (resource);

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
