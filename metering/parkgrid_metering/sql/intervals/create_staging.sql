CREATE TEMP TABLE IF NOT EXISTS interval_energy_staged (
    register_id int4, at timestamptz, energy_wh int8, first_at timestamptz, first_steps int8, last_at timestamptz,
    last_steps int8, period_s int4, expected int4, received int4, valid int4, estimated int4, late int4, quality int2,
    spread int2 NOT NULL DEFAULT 0
) ON COMMIT DELETE ROWS
