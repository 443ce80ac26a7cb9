-- What is believed of registers over time, what they cannot have counted, and the step by which they move.

ALTER TABLE base.register_declaration ADD COLUMN step_steps int8 CHECK (step_steps > 0);

-- With which state the readings from an instant on are judged: one row a day, and one at the end of what is settled.
CREATE TABLE base.register_belief (
    register_id int4 NOT NULL REFERENCES base.register,
    at timestamptz NOT NULL,
    belief jsonb NOT NULL,
    PRIMARY KEY (register_id, at)
) WITH (fillfactor = 70);

-- What a register cannot have counted, for a person to explain by a declaration.
CREATE TABLE base.register_finding (
    register_id int4 NOT NULL REFERENCES base.register,
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('jumped', 'reset', 'left_out', 'too_much')),
    from_at timestamptz NOT NULL,
    from_steps int8,
    steps int8,
    -- what would have been booked; of a reset, what was
    energy_wh int8 NOT NULL,
    readings int4 NOT NULL,
    found_at timestamptz NOT NULL,
    PRIMARY KEY (register_id, at, kind)
);

CREATE OR REPLACE VIEW public.register_declarations AS
SELECT
    n.declaration_id, n.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, n.valid_from,
    n.modulus_steps / 1000::float8 AS modulus_kwh, n.ratio_numerator, n.ratio_denominator,
    n.initial_steps / 1000::float8 AS initial_kwh, n.final_steps / 1000::float8 AS final_kwh,
    n.reason, n.declared_by, n.declared_at, n.step_steps / 1000::float8 AS step_kwh
FROM base.register_declaration AS n
JOIN base.register AS r USING (register_id)
JOIN base.device AS d USING (device_id);

CREATE VIEW public.register_beliefs AS
SELECT register_id, at, belief FROM base.register_belief;

-- The highest power that a register may show: one and a half times the rating, else five times what it ever showed.
CREATE VIEW public.register_limits AS
SELECT
    r.register_id, d.park, d.gateway, d.device, r.signal,
    CASE WHEN d.rated_kw > 0 THEN 1.5 * d.rated_kw ELSE 5 * nullif((b.belief ->> 'peak_kw')::float8, 0) END AS limit_kw,
    CASE WHEN d.rated_kw > 0 THEN 'declared' ELSE 'learned' END AS source
FROM base.register AS r
CROSS JOIN LATERAL (
    SELECT park, gateway, device, (ratings ->> 'rated_power_kw')::float8 AS rated_kw
    FROM base.device WHERE device_id = r.device_id
) AS d
LEFT JOIN LATERAL (
    SELECT belief FROM base.register_belief WHERE register_id = r.register_id ORDER BY at DESC LIMIT 1
) AS b ON true
WHERE r.method = 'register';

CREATE VIEW public.register_findings AS
SELECT
    f.register_id, d.park, d.gateway, d.device, d.device_class, r.signal, f.at, f.kind, f.from_at,
    f.from_steps / 1000::float8 AS from_kwh, f.steps / 1000::float8 AS kwh, f.energy_wh / 1000::float8 AS energy_kwh,
    f.readings, f.found_at
FROM base.register_finding AS f
JOIN base.register AS r USING (register_id)
JOIN base.device AS d USING (device_id);
