-- Which gateways an operator does not admit, and what they announced that no reader can use.

-- A gateway that is listed here is refused, whether it was ever born or not: a broker keeps births for ever.
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

CREATE VIEW public.retired_gateways AS
SELECT park, gateway, reason, retired_by, retired_at FROM base.gateway_retired;

-- A retired gateway is none that somebody waits for.
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
) AS e ON true
WHERE NOT EXISTS (SELECT FROM base.gateway_retired AS r WHERE r.park = b.park AND r.gateway = b.gateway);

-- Whoever reads bears what is stored: a period that no reader can count with is none.
CREATE OR REPLACE VIEW public.devices AS
SELECT
    d.device_id, p.district, d.park, d.gateway, d.device, d.device_class, d.name, d.model, d.firmware,
    least(greatest(d.period_s, 0.01), 86400) AS period_s,
    d.ratings, d.signals, d.station, d.line, d.transformer, d.account, b.simulated, d.first_seen_at, d.retired
FROM base.device AS d
JOIN base.gateway_birth AS b USING (park, gateway)
JOIN base.park AS p USING (park);

-- What was announced before these ranges held (contract/ranges.py) is brought into them: the next birth says it anew.
UPDATE base.device SET period_s = least(greatest(period_s, 0.01), 86400) WHERE NOT period_s BETWEEN 0.01 AND 86400;

UPDATE base.device AS d
SET ratings = (
    SELECT coalesce(jsonb_object_agg(r.key, r.value), '{}') FROM jsonb_each(d.ratings) AS r
    WHERE jsonb_typeof(r.value) = 'number' AND abs((r.value #>> '{}')::numeric) <= 1000000000
)
WHERE EXISTS (
    SELECT FROM jsonb_each(d.ratings) AS r
    WHERE CASE jsonb_typeof(r.value) WHEN 'number' THEN abs((r.value #>> '{}')::numeric) > 1000000000 ELSE true END
);

-- An epoch that ran away keeps every later birth out.
UPDATE base.gateway_birth SET epoch = 1 WHERE epoch > 4503599627370496;

UPDATE base.gateway_birth SET status_epoch = NULL WHERE status_epoch > 4503599627370496;
