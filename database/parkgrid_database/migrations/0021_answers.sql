-- From when on a register counts itself, where its power was integrated before, since its counter had never answered.
ALTER TABLE base.register ADD COLUMN counted_from timestamptz;

CREATE OR REPLACE VIEW public.registers AS
SELECT
    r.register_id, d.device_id, p.district, d.park, d.gateway, d.device, d.device_class, r.signal,
    CASE WHEN r.signal LIKE '%\_kvarh' THEN 'kvarh' ELSE 'kWh' END AS unit,
    r.period_s, r.method, d.station, d.line, d.transformer, d.account, r.counted_from
FROM base.register AS r
JOIN base.device AS d USING (device_id)
JOIN base.park AS p USING (park);
