-- Gateways that stand for files or for a foreign store: nobody is connected there, and what they lack their source lacks.

ALTER TABLE base.gateway_birth ADD COLUMN imported boolean NOT NULL DEFAULT false;

ALTER TABLE base.data_gap DROP CONSTRAINT data_gap_cause_check;
ALTER TABLE base.data_gap
    ADD CONSTRAINT data_gap_cause_check CHECK (cause IN ('device', 'gateway', 'link', 'ingest', 'source'));

-- An import is neither online nor offline, and nobody sees it.
CREATE OR REPLACE VIEW public.gateways AS
SELECT
    b.park, b.gateway, CASE WHEN NOT b.imported THEN b.online END AS online,
    b.epoch, b.agent_version, b.simulated, b.birth_at,
    CASE WHEN NOT b.imported THEN greatest(b.received_at, b.status_received_at, e.last_received_at) END AS last_seen_at,
    b.status_at, b.imported
FROM base.gateway_birth AS b
LEFT JOIN LATERAL (
    SELECT max(g.last_received_at) AS last_received_at FROM base.gateway_epoch AS g
    WHERE g.park = b.park AND g.gateway = b.gateway
) AS e ON true;
