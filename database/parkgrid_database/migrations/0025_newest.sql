-- parkgrid: no transaction
-- The newest row of each device, beside the raw rows: what is live is answered from here, whatever number of days is stored.
-- To look for it among raw rows opens every partition. Every commit puts in the newest of what it stores.

CREATE TABLE IF NOT EXISTS base.grid_meter_newest (LIKE base.grid_meter, PRIMARY KEY (device_id)) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS base.meter_newest (LIKE base.meter, PRIMARY KEY (device_id)) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS base.pv_inverter_newest (LIKE base.pv_inverter, PRIMARY KEY (device_id)) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS base.storage_newest (LIKE base.storage, PRIMARY KEY (device_id)) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS base.charger_newest (LIKE base.charger, PRIMARY KEY (device_id)) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS base.dc_bus_newest (LIKE base.dc_bus, PRIMARY KEY (device_id)) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS base.weather_newest (LIKE base.weather, PRIMARY KEY (device_id)) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS base.gateway_newest (LIKE base.gateway, PRIMARY KEY (device_id)) WITH (fillfactor = 50);

CREATE OR REPLACE VIEW public.grid_meter_newest AS
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
FROM base.grid_meter_newest;

CREATE OR REPLACE VIEW public.meter_newest AS
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
FROM base.meter_newest;

CREATE OR REPLACE VIEW public.pv_inverter_newest AS
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
FROM base.pv_inverter_newest;

CREATE OR REPLACE VIEW public.storage_newest AS
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
FROM base.storage_newest;

CREATE OR REPLACE VIEW public.charger_newest AS
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
FROM base.charger_newest;

CREATE OR REPLACE VIEW public.dc_bus_newest AS
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
FROM base.dc_bus_newest;

CREATE OR REPLACE VIEW public.weather_newest AS
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
FROM base.weather_newest;

CREATE OR REPLACE VIEW public.gateway_newest AS
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
FROM base.gateway_newest;

-- next
-- Of what is stored already: part by part from the newest on, each in a transaction of its own, until every device that has
-- a row is found.
DO $$
DECLARE
    class text;
    part record;
    missing int4[];
    parts text := CASE WHEN EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = 'base.meter'::regclass) THEN
        -- a partition is named by its day, or by its month: class_YYYYMM
        $parts$
        SELECT low, low + CASE length(stamp) WHEN 8 THEN INTERVAL '1 day' ELSE INTERVAL '1 month' END AS high
        FROM (
            SELECT to_date(stamp, 'YYYYMMDD')::timestamp AS low, stamp
            FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
            CROSS JOIN LATERAL (SELECT substring(c.relname FROM '[0-9]+$') AS stamp) AS named
            WHERE i.inhparent = to_regclass('base.' || quote_ident($1))
        ) AS found
        ORDER BY low DESC
        $parts$
    ELSE
        $parts$
        SELECT range_start AT TIME ZONE 'UTC' AS low, range_end AT TIME ZONE 'UTC' AS high
        FROM timescaledb_information.chunks WHERE hypertable_schema = 'base' AND hypertable_name = $1
        ORDER BY range_start DESC
        $parts$
    END;
BEGIN
    FOREACH class IN ARRAY ARRAY[
        'grid_meter', 'meter', 'pv_inverter', 'storage', 'charger', 'dc_bus', 'weather', 'gateway'
    ] LOOP
        FOR part IN EXECUTE parts USING class LOOP
            EXECUTE format(
                'SELECT array_agg(d.device_id) FROM base.device AS d WHERE d.device_class = %L'
                ' AND NOT EXISTS (SELECT FROM base.%I AS n WHERE n.device_id = d.device_id)',
                class, class || '_newest'
            ) INTO missing;
            EXIT WHEN missing IS NULL;
            EXECUTE format(
                'INSERT INTO base.%I SELECT r.* FROM unnest($1) AS d (device_id) CROSS JOIN LATERAL ('
                'SELECT s.* FROM base.%I AS s WHERE s.device_id = d.device_id AND s.at >= %L AND s.at < %L'
                ' ORDER BY s.at DESC LIMIT 1) AS r ON CONFLICT (device_id) DO NOTHING',
                class || '_newest', class, part.low AT TIME ZONE 'UTC', part.high AT TIME ZONE 'UTC'
            ) USING missing;
            COMMIT;
        END LOOP;
    END LOOP;
END
$$;
