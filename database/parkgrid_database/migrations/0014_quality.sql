-- parkgrid: no transaction
-- Values that are flagged bad, stale or out of range leave their columns, so that nothing that is computed from columns
-- takes part of them: roll-ups of either store, figures, dashboards. They stay readable in `untrusted`, in their unit.
--
-- What is stored already is brought into this form, a day or a month of a class at a time. That reads the raw rows once
-- and writes only those that are flagged; their buckets are noted, and maintenance computes them again. A roll-up whose
-- raw rows retention has removed keeps what it has.

ALTER TABLE base.grid_meter ADD COLUMN IF NOT EXISTS untrusted jsonb;
ALTER TABLE base.meter ADD COLUMN IF NOT EXISTS untrusted jsonb;
ALTER TABLE base.pv_inverter ADD COLUMN IF NOT EXISTS untrusted jsonb;
ALTER TABLE base.storage ADD COLUMN IF NOT EXISTS untrusted jsonb;
ALTER TABLE base.charger ADD COLUMN IF NOT EXISTS untrusted jsonb;
ALTER TABLE base.dc_bus ADD COLUMN IF NOT EXISTS untrusted jsonb;
ALTER TABLE base.weather ADD COLUMN IF NOT EXISTS untrusted jsonb;
ALTER TABLE base.gateway ADD COLUMN IF NOT EXISTS untrusted jsonb;

-- next
CREATE OR REPLACE VIEW public.grid_meter AS
SELECT
    device_id,
    at,
    received_at,
    epoch_id,
    seq,
    flags,
    voltage_a_v / 10::float8 AS voltage_a_v,
    voltage_b_v / 10::float8 AS voltage_b_v,
    voltage_c_v / 10::float8 AS voltage_c_v,
    current_a_a / 100::float8 AS current_a_a,
    current_b_a / 100::float8 AS current_b_a,
    current_c_a / 100::float8 AS current_c_a,
    active_power_kw / 1000::float8 AS active_power_kw,
    active_power_a_kw / 1000::float8 AS active_power_a_kw,
    active_power_b_kw / 1000::float8 AS active_power_b_kw,
    active_power_c_kw / 1000::float8 AS active_power_c_kw,
    reactive_power_kvar / 1000::float8 AS reactive_power_kvar,
    apparent_power_kva / 1000::float8 AS apparent_power_kva,
    power_factor / 1000::float8 AS power_factor,
    frequency_hz / 100::float8 AS frequency_hz,
    demand_kw / 1000::float8 AS demand_kw,
    energy_import_kwh / 1000::float8 AS energy_import_kwh,
    energy_export_kwh / 1000::float8 AS energy_export_kwh,
    reactive_energy_import_kvarh / 1000::float8 AS reactive_energy_import_kvarh,
    reactive_energy_export_kvarh / 1000::float8 AS reactive_energy_export_kvarh,
    fault_code / 1::float8 AS fault_code,
    untrusted
FROM base.grid_meter;

CREATE OR REPLACE VIEW public.meter AS
SELECT
    device_id,
    at,
    received_at,
    epoch_id,
    seq,
    flags,
    voltage_a_v / 10::float8 AS voltage_a_v,
    voltage_b_v / 10::float8 AS voltage_b_v,
    voltage_c_v / 10::float8 AS voltage_c_v,
    current_a_a / 100::float8 AS current_a_a,
    current_b_a / 100::float8 AS current_b_a,
    current_c_a / 100::float8 AS current_c_a,
    active_power_kw / 1000::float8 AS active_power_kw,
    active_power_a_kw / 1000::float8 AS active_power_a_kw,
    active_power_b_kw / 1000::float8 AS active_power_b_kw,
    active_power_c_kw / 1000::float8 AS active_power_c_kw,
    reactive_power_kvar / 1000::float8 AS reactive_power_kvar,
    apparent_power_kva / 1000::float8 AS apparent_power_kva,
    power_factor / 1000::float8 AS power_factor,
    frequency_hz / 100::float8 AS frequency_hz,
    demand_kw / 1000::float8 AS demand_kw,
    energy_import_kwh / 1000::float8 AS energy_import_kwh,
    energy_export_kwh / 1000::float8 AS energy_export_kwh,
    reactive_energy_import_kvarh / 1000::float8 AS reactive_energy_import_kvarh,
    reactive_energy_export_kvarh / 1000::float8 AS reactive_energy_export_kvarh,
    fault_code / 1::float8 AS fault_code,
    untrusted
FROM base.meter;

CREATE OR REPLACE VIEW public.pv_inverter AS
SELECT
    device_id,
    at,
    received_at,
    epoch_id,
    seq,
    flags,
    active_power_kw / 1000::float8 AS active_power_kw,
    reactive_power_kvar / 1000::float8 AS reactive_power_kvar,
    power_factor / 1000::float8 AS power_factor,
    frequency_hz / 100::float8 AS frequency_hz,
    voltage_a_v / 10::float8 AS voltage_a_v,
    voltage_b_v / 10::float8 AS voltage_b_v,
    voltage_c_v / 10::float8 AS voltage_c_v,
    current_a_a / 100::float8 AS current_a_a,
    current_b_a / 100::float8 AS current_b_a,
    current_c_a / 100::float8 AS current_c_a,
    dc_power_kw / 1000::float8 AS dc_power_kw,
    dc_voltage_v / 10::float8 AS dc_voltage_v,
    dc_current_a / 100::float8 AS dc_current_a,
    string_1_voltage_v / 10::float8 AS string_1_voltage_v,
    string_2_voltage_v / 10::float8 AS string_2_voltage_v,
    string_3_voltage_v / 10::float8 AS string_3_voltage_v,
    string_4_voltage_v / 10::float8 AS string_4_voltage_v,
    string_1_current_a / 100::float8 AS string_1_current_a,
    string_2_current_a / 100::float8 AS string_2_current_a,
    string_3_current_a / 100::float8 AS string_3_current_a,
    string_4_current_a / 100::float8 AS string_4_current_a,
    temperature_c / 10::float8 AS temperature_c,
    limit_pct / 10::float8 AS limit_pct,
    energy_generated_kwh / 1000::float8 AS energy_generated_kwh,
    operating_state / 1::float8 AS operating_state,
    fault_code / 1::float8 AS fault_code,
    untrusted
FROM base.pv_inverter;

CREATE OR REPLACE VIEW public.storage AS
SELECT
    device_id,
    at,
    received_at,
    epoch_id,
    seq,
    flags,
    active_power_kw / 1000::float8 AS active_power_kw,
    reactive_power_kvar / 1000::float8 AS reactive_power_kvar,
    frequency_hz / 100::float8 AS frequency_hz,
    soc_pct / 10::float8 AS soc_pct,
    soh_pct / 10::float8 AS soh_pct,
    stored_energy_kwh / 10::float8 AS stored_energy_kwh,
    dc_power_kw / 1000::float8 AS dc_power_kw,
    dc_voltage_v / 10::float8 AS dc_voltage_v,
    dc_current_a / 10::float8 AS dc_current_a,
    cell_voltage_min_v / 1000::float8 AS cell_voltage_min_v,
    cell_voltage_max_v / 1000::float8 AS cell_voltage_max_v,
    cell_temperature_min_c / 10::float8 AS cell_temperature_min_c,
    cell_temperature_max_c / 10::float8 AS cell_temperature_max_c,
    insulation_resistance_kohm / 1::float8 AS insulation_resistance_kohm,
    charge_limit_kw / 1000::float8 AS charge_limit_kw,
    discharge_limit_kw / 1000::float8 AS discharge_limit_kw,
    setpoint_kw / 1000::float8 AS setpoint_kw,
    energy_charged_kwh / 1000::float8 AS energy_charged_kwh,
    energy_discharged_kwh / 1000::float8 AS energy_discharged_kwh,
    cycle_count / 100::float8 AS cycle_count,
    operating_state / 1::float8 AS operating_state,
    fault_code / 1::float8 AS fault_code,
    untrusted
FROM base.storage;

CREATE OR REPLACE VIEW public.charger AS
SELECT
    device_id,
    at,
    received_at,
    epoch_id,
    seq,
    flags,
    active_power_kw / 1000::float8 AS active_power_kw,
    voltage_v / 10::float8 AS voltage_v,
    current_a / 10::float8 AS current_a,
    vehicle_soc_pct / 10::float8 AS vehicle_soc_pct,
    session_energy_kwh / 100::float8 AS session_energy_kwh,
    limit_kw / 1000::float8 AS limit_kw,
    temperature_c / 10::float8 AS temperature_c,
    energy_delivered_kwh / 1000::float8 AS energy_delivered_kwh,
    energy_returned_kwh / 1000::float8 AS energy_returned_kwh,
    session_count / 1::float8 AS session_count,
    operating_state / 1::float8 AS operating_state,
    fault_code / 1::float8 AS fault_code,
    untrusted
FROM base.charger;

CREATE OR REPLACE VIEW public.dc_bus AS
SELECT
    device_id,
    at,
    received_at,
    epoch_id,
    seq,
    flags,
    voltage_v / 10::float8 AS voltage_v,
    reference_voltage_v / 10::float8 AS reference_voltage_v,
    ripple_v / 100::float8 AS ripple_v,
    current_a / 10::float8 AS current_a,
    active_power_kw / 1000::float8 AS active_power_kw,
    target_power_kw / 1000::float8 AS target_power_kw,
    energy_import_kwh / 1000::float8 AS energy_import_kwh,
    energy_export_kwh / 1000::float8 AS energy_export_kwh,
    operating_state / 1::float8 AS operating_state,
    fault_code / 1::float8 AS fault_code,
    untrusted
FROM base.dc_bus;

CREATE OR REPLACE VIEW public.weather AS
SELECT
    device_id,
    at,
    received_at,
    epoch_id,
    seq,
    flags,
    irradiance_horizontal_w_m2 / 10::float8 AS irradiance_horizontal_w_m2,
    irradiance_plane_w_m2 / 10::float8 AS irradiance_plane_w_m2,
    irradiance_direct_w_m2 / 10::float8 AS irradiance_direct_w_m2,
    irradiance_diffuse_w_m2 / 10::float8 AS irradiance_diffuse_w_m2,
    temperature_c / 10::float8 AS temperature_c,
    module_temperature_c / 10::float8 AS module_temperature_c,
    humidity_pct / 10::float8 AS humidity_pct,
    wind_speed_m_s / 10::float8 AS wind_speed_m_s,
    wind_direction_deg / 10::float8 AS wind_direction_deg,
    pressure_hpa / 10::float8 AS pressure_hpa,
    rain_mm / 10::float8 AS rain_mm,
    untrusted
FROM base.weather;

CREATE OR REPLACE VIEW public.gateway AS
SELECT
    device_id,
    at,
    received_at,
    epoch_id,
    seq,
    flags,
    cpu_pct / 10::float8 AS cpu_pct,
    memory_used_pct / 10::float8 AS memory_used_pct,
    agent_memory_mb / 10::float8 AS agent_memory_mb,
    disk_used_pct / 10::float8 AS disk_used_pct,
    temperature_c / 10::float8 AS temperature_c,
    uptime_s / 1::float8 AS uptime_s,
    clock_offset_ms / 1::float8 AS clock_offset_ms,
    outbox_batches / 1::float8 AS outbox_batches,
    outbox_mb / 1000::float8 AS outbox_mb,
    outbox_oldest_s / 1::float8 AS outbox_oldest_s,
    samples_accepted / 1::float8 AS samples_accepted,
    samples_dropped / 1::float8 AS samples_dropped,
    reads_failed / 1::float8 AS reads_failed,
    link_reconnects / 1::float8 AS link_reconnects,
    untrusted
FROM base.gateway;

-- next
-- Which quarters of an hour of a signal hold estimated values: what comes of them says so.
CREATE TABLE IF NOT EXISTS base.estimate (
    device_id int4 NOT NULL,
    signal text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (device_id, signal, at)
);

CREATE OR REPLACE VIEW public.estimates AS
SELECT device_id, signal, at FROM base.estimate;

-- next
DO $$
DECLARE
    class text;
    part record;
    parts text;
    cleared text;
    noted record;
    untrusted_ones constant text := '"(bad|stale|out_of_range)"';
BEGIN
    -- A compressed segment is written as a whole.
    PERFORM set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', false);
    IF to_regclass('timescaledb_information.chunks') IS NULL THEN
        parts := $part$
            SELECT bound[1]::timestamptz AS low, bound[2]::timestamptz AS high
            FROM pg_inherits AS i
            JOIN pg_class AS c ON c.oid = i.inhrelid
            CROSS JOIN LATERAL regexp_match(
                pg_get_expr(c.relpartbound, c.oid), $re$FROM \('([^']+)'\) TO \('([^']+)'\)$re$
            ) AS bound
            WHERE i.inhparent = format('base.%I', $1)::regclass ORDER BY 1
        $part$;
    ELSE
        parts := $part$
            SELECT range_start AS low, range_end AS high FROM timescaledb_information.chunks
            WHERE hypertable_schema = 'base' AND hypertable_name = $1 ORDER BY 1
        $part$;
    END IF;
    FOREACH class IN ARRAY ARRAY[
        'grid_meter', 'meter', 'pv_inverter', 'storage', 'charger', 'dc_bus', 'weather', 'gateway'
    ] LOOP
        SELECT string_agg(
            format('%1$I = CASE WHEN t.flags ->> %1$L IN (''bad'', ''stale'', ''out_of_range'') THEN NULL ELSE t.%1$I END',
                attname), ', ')
        INTO cleared
        FROM pg_attribute
        WHERE attrelid = format('base.%I', class)::regclass AND attnum > 0 AND NOT attisdropped
          AND attname NOT IN ('device_id', 'at', 'received_at', 'epoch_id', 'seq', 'flags', 'untrusted');
        FOR part IN EXECUTE parts USING class LOOP
            -- As constants, so that only this part is read. By its view, which has the units.
            EXECUTE format(
                $make$
                CREATE TEMP TABLE flagged ON COMMIT DROP AS
                SELECT v.device_id, v.at, v.flags, v.untrusted IS NULL AND v.flags::text ~ %4$L AS is_new, (
                    SELECT jsonb_object_agg(f.key, to_jsonb(v) -> f.key) FROM jsonb_each_text(v.flags) AS f
                    WHERE f.value IN ('bad', 'stale', 'out_of_range') AND to_jsonb(v) ->> f.key IS NOT NULL
                ) AS untrusted
                FROM public.%1$I AS v
                WHERE v.at >= %2$L AND v.at < %3$L AND v.flags IS NOT NULL
                $make$, class, part.low, part.high, untrusted_ones);
            INSERT INTO base.estimate (device_id, signal, at)
            SELECT DISTINCT t.device_id, f.key, date_bin('15 minutes', t.at, '2000-01-01T00:00Z')
            FROM flagged AS t CROSS JOIN LATERAL jsonb_each_text(t.flags) AS f
            WHERE f.value = 'estimated'
            ON CONFLICT DO NOTHING;
            DELETE FROM flagged WHERE NOT is_new OR untrusted IS NULL;
            -- Device by device, so that of compressed rows only its own segments are written.
            FOR noted IN SELECT device_id, min(at) AS low, max(at) AS high FROM flagged GROUP BY device_id LOOP
                EXECUTE format(
                    $move$
                    UPDATE base.%1$I AS t SET %2$s,
                        untrusted = (SELECT f.untrusted FROM flagged AS f WHERE f.device_id = t.device_id AND f.at = t.at)
                    WHERE t.device_id = %3$L AND t.at >= %4$L AND t.at <= %5$L
                      AND t.flags::text ~ %6$L AND t.untrusted IS NULL
                    $move$, class, cleared, noted.device_id, noted.low, noted.high, untrusted_ones);
            END LOOP;
            INSERT INTO base.rollup_dirty (device_class, level, devices, minutes)
            SELECT class, '1m', array_agg(device_id ORDER BY minute, device_id), array_agg(minute ORDER BY minute, device_id)
            FROM (
                SELECT DISTINCT device_id, floor(extract(epoch FROM at) / 60)::int4 AS minute FROM flagged
            ) AS touched
            HAVING count(*) > 0;
            COMMIT;
        END LOOP;
    END LOOP;
END
$$;
