-- Output of industrial clusters beside their energy: stated figures with every former one, and whose account is whose.
-- The plan with its targets is a dated file of the program; here is only what people state about it.

-- A file that was taken in whole; the same file again changes nothing.
CREATE TABLE base.cluster_import (
    import_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('output', 'enterprise')),
    file_digest text NOT NULL CHECK (file_digest ~ '^[0-9a-f]{64}$'),
    file text NOT NULL,
    figures int4 NOT NULL,
    entered_by text NOT NULL CHECK (entered_by <> ''),
    entered_at timestamptz NOT NULL,
    UNIQUE (kind, file_digest)
);

-- One stated output; a later figure for the same quarter is the next revision.
CREATE TABLE base.cluster_output (
    cluster text NOT NULL,
    quarter text NOT NULL CHECK (quarter ~ '^[0-9]{4}-Q[1-4]$'),
    revision int4 NOT NULL CHECK (revision > 0),
    -- 'quarter': of these three months alone; 'cumulative': since the start of the year
    basis text NOT NULL CHECK (basis IN ('quarter', 'cumulative')),
    output_cny numeric NOT NULL CHECK (output_cny >= 0 AND output_cny < 'Infinity'),
    source text NOT NULL CHECK (source <> ''),
    note text NOT NULL DEFAULT '',
    -- where it was read, and the words that stood there
    import_id int8 NOT NULL REFERENCES base.cluster_import,
    cell text NOT NULL,
    stated text NOT NULL,
    unit text NOT NULL,
    PRIMARY KEY (cluster, quarter, revision)
);

-- An enterprise belongs to one cluster at a time: its highest revision.
CREATE TABLE base.enterprise (
    enterprise text NOT NULL,
    revision int4 NOT NULL CHECK (revision > 0),
    cluster text NOT NULL,
    name_zh text NOT NULL DEFAULT '',
    name_en text NOT NULL DEFAULT '',
    -- its part of the output of its cluster; NULL: nobody stated it
    output_share_pct numeric CHECK (output_share_pct > 0 AND output_share_pct <= 100),
    source text NOT NULL CHECK (source <> ''),
    import_id int8 NOT NULL REFERENCES base.cluster_import,
    PRIMARY KEY (enterprise, revision)
);

-- Which part of the energy of an account is an enterprise's, from the first of one month to the first of another.
CREATE TABLE base.enterprise_account (
    park text NOT NULL,
    account text NOT NULL CHECK (account <> ''),
    enterprise text NOT NULL,
    valid_from date NOT NULL CHECK (extract(day FROM valid_from) = 1),
    revision int4 NOT NULL CHECK (revision > 0),
    valid_to date CHECK (valid_to > valid_from AND extract(day FROM valid_to) = 1),
    share_pct numeric NOT NULL CHECK (share_pct > 0 AND share_pct <= 100),
    source text NOT NULL CHECK (source <> ''),
    import_id int8 NOT NULL REFERENCES base.cluster_import,
    PRIMARY KEY (park, account, enterprise, valid_from, revision)
);

DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['cluster_import', 'cluster_output', 'enterprise', 'enterprise_account'] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON base.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change()', relation);
    END LOOP;
END
$$;

CREATE VIEW public.cluster_imports AS
SELECT import_id, kind, file_digest, file, figures, entered_by, entered_at FROM base.cluster_import;

-- Every figure that was ever stated, the current one of its quarter marked.
CREATE VIEW public.cluster_output_revisions AS
SELECT
    o.cluster, o.quarter, o.revision, o.basis, o.output_cny,
    -- a product keeps every digit, a quotient need not
    trim_scale(o.output_cny * 0.00000001) AS output_100m_cny,
    o.source, o.note, o.cell, o.stated, o.unit, i.file, i.file_digest, i.entered_by, i.entered_at,
    row_number() OVER (PARTITION BY o.cluster, o.quarter ORDER BY o.revision DESC) = 1 AS current
FROM base.cluster_output AS o
JOIN base.cluster_import AS i USING (import_id);

CREATE VIEW public.cluster_outputs AS
SELECT
    cluster, quarter, revision, basis, output_cny, output_100m_cny, source, note, cell, stated, unit, file, file_digest,
    entered_by, entered_at
FROM public.cluster_output_revisions
WHERE current;

CREATE VIEW public.enterprises AS
SELECT DISTINCT ON (e.enterprise)
    e.enterprise, e.cluster, e.name_zh, e.name_en, e.output_share_pct, e.revision, e.source, i.file, i.file_digest,
    i.entered_by, i.entered_at
FROM base.enterprise AS e
JOIN base.cluster_import AS i USING (import_id)
ORDER BY e.enterprise, e.revision DESC;

CREATE VIEW public.enterprise_accounts AS
SELECT DISTINCT ON (a.park, a.account, a.enterprise, a.valid_from)
    a.park, a.account, a.enterprise, a.valid_from, a.valid_to, a.share_pct, a.revision, a.source, i.file, i.file_digest,
    i.entered_by, i.entered_at
FROM base.enterprise_account AS a
JOIN base.cluster_import AS i USING (import_id)
ORDER BY a.park, a.account, a.enterprise, a.valid_from, a.revision DESC;
