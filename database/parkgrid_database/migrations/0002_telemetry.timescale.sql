-- Raw rows of every device class, in integer steps of the catalogue's resolutions.

CREATE TABLE base.grid_meter (
    device_id int4 NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    epoch_id int4 NOT NULL,
    seq int8 NOT NULL,
    flags jsonb,
    voltage_a_v int4,
    voltage_b_v int4,
    voltage_c_v int4,
    current_a_a int4,
    current_b_a int4,
    current_c_a int4,
    active_power_kw int4,
    active_power_a_kw int4,
    active_power_b_kw int4,
    active_power_c_kw int4,
    reactive_power_kvar int4,
    apparent_power_kva int4,
    power_factor int2,
    frequency_hz int2,
    demand_kw int4,
    energy_import_kwh int8,
    energy_export_kwh int8,
    reactive_energy_import_kvarh int8,
    reactive_energy_export_kvarh int8,
    fault_code int4,
    PRIMARY KEY (device_id, at)
);
SELECT create_hypertable('base.grid_meter', by_range('at', INTERVAL '1 day'), create_default_indexes => false);
ALTER TABLE base.grid_meter SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'device_id',
    timescaledb.orderby = 'at'
);
CALL add_columnstore_policy('base.grid_meter', after => INTERVAL '7 days');

CREATE TABLE base.meter (
    device_id int4 NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    epoch_id int4 NOT NULL,
    seq int8 NOT NULL,
    flags jsonb,
    voltage_a_v int4,
    voltage_b_v int4,
    voltage_c_v int4,
    current_a_a int4,
    current_b_a int4,
    current_c_a int4,
    active_power_kw int4,
    active_power_a_kw int4,
    active_power_b_kw int4,
    active_power_c_kw int4,
    reactive_power_kvar int4,
    apparent_power_kva int4,
    power_factor int2,
    frequency_hz int2,
    demand_kw int4,
    energy_import_kwh int8,
    energy_export_kwh int8,
    reactive_energy_import_kvarh int8,
    reactive_energy_export_kvarh int8,
    fault_code int4,
    PRIMARY KEY (device_id, at)
);
SELECT create_hypertable('base.meter', by_range('at', INTERVAL '1 day'), create_default_indexes => false);
ALTER TABLE base.meter SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'device_id',
    timescaledb.orderby = 'at'
);
CALL add_columnstore_policy('base.meter', after => INTERVAL '7 days');

CREATE TABLE base.pv_inverter (
    device_id int4 NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    epoch_id int4 NOT NULL,
    seq int8 NOT NULL,
    flags jsonb,
    active_power_kw int4,
    reactive_power_kvar int4,
    power_factor int2,
    frequency_hz int2,
    voltage_a_v int4,
    voltage_b_v int4,
    voltage_c_v int4,
    current_a_a int4,
    current_b_a int4,
    current_c_a int4,
    dc_power_kw int4,
    dc_voltage_v int2,
    dc_current_a int4,
    string_1_voltage_v int2,
    string_2_voltage_v int2,
    string_3_voltage_v int2,
    string_4_voltage_v int2,
    string_1_current_a int4,
    string_2_current_a int4,
    string_3_current_a int4,
    string_4_current_a int4,
    temperature_c int2,
    limit_pct int2,
    energy_generated_kwh int8,
    operating_state int2,
    fault_code int4,
    PRIMARY KEY (device_id, at)
);
SELECT create_hypertable('base.pv_inverter', by_range('at', INTERVAL '1 day'), create_default_indexes => false);
ALTER TABLE base.pv_inverter SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'device_id',
    timescaledb.orderby = 'at'
);
CALL add_columnstore_policy('base.pv_inverter', after => INTERVAL '7 days');

CREATE TABLE base.storage (
    device_id int4 NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    epoch_id int4 NOT NULL,
    seq int8 NOT NULL,
    flags jsonb,
    active_power_kw int4,
    reactive_power_kvar int4,
    frequency_hz int2,
    soc_pct int2,
    soh_pct int2,
    stored_energy_kwh int4,
    dc_power_kw int4,
    dc_voltage_v int2,
    dc_current_a int4,
    cell_voltage_min_v int2,
    cell_voltage_max_v int2,
    cell_temperature_min_c int2,
    cell_temperature_max_c int2,
    insulation_resistance_kohm int4,
    charge_limit_kw int4,
    discharge_limit_kw int4,
    setpoint_kw int4,
    energy_charged_kwh int8,
    energy_discharged_kwh int8,
    cycle_count int8,
    operating_state int2,
    fault_code int4,
    PRIMARY KEY (device_id, at)
);
SELECT create_hypertable('base.storage', by_range('at', INTERVAL '1 day'), create_default_indexes => false);
ALTER TABLE base.storage SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'device_id',
    timescaledb.orderby = 'at'
);
CALL add_columnstore_policy('base.storage', after => INTERVAL '7 days');

CREATE TABLE base.charger (
    device_id int4 NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    epoch_id int4 NOT NULL,
    seq int8 NOT NULL,
    flags jsonb,
    active_power_kw int4,
    voltage_v int2,
    current_a int2,
    vehicle_soc_pct int2,
    session_energy_kwh int4,
    limit_kw int4,
    temperature_c int2,
    energy_delivered_kwh int8,
    energy_returned_kwh int8,
    session_count int8,
    operating_state int2,
    fault_code int4,
    PRIMARY KEY (device_id, at)
);
SELECT create_hypertable('base.charger', by_range('at', INTERVAL '1 day'), create_default_indexes => false);
ALTER TABLE base.charger SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'device_id',
    timescaledb.orderby = 'at'
);
CALL add_columnstore_policy('base.charger', after => INTERVAL '7 days');

CREATE TABLE base.dc_bus (
    device_id int4 NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    epoch_id int4 NOT NULL,
    seq int8 NOT NULL,
    flags jsonb,
    voltage_v int2,
    reference_voltage_v int2,
    ripple_v int2,
    current_a int4,
    active_power_kw int4,
    target_power_kw int4,
    energy_import_kwh int8,
    energy_export_kwh int8,
    operating_state int2,
    fault_code int4,
    PRIMARY KEY (device_id, at)
);
SELECT create_hypertable('base.dc_bus', by_range('at', INTERVAL '1 day'), create_default_indexes => false);
ALTER TABLE base.dc_bus SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'device_id',
    timescaledb.orderby = 'at'
);
CALL add_columnstore_policy('base.dc_bus', after => INTERVAL '7 days');

CREATE TABLE base.weather (
    device_id int4 NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    epoch_id int4 NOT NULL,
    seq int8 NOT NULL,
    flags jsonb,
    irradiance_horizontal_w_m2 int2,
    irradiance_plane_w_m2 int2,
    irradiance_direct_w_m2 int2,
    irradiance_diffuse_w_m2 int2,
    temperature_c int2,
    module_temperature_c int2,
    humidity_pct int2,
    wind_speed_m_s int2,
    wind_direction_deg int2,
    pressure_hpa int2,
    rain_mm int8,
    PRIMARY KEY (device_id, at)
);
SELECT create_hypertable('base.weather', by_range('at', INTERVAL '1 day'), create_default_indexes => false);
ALTER TABLE base.weather SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'device_id',
    timescaledb.orderby = 'at'
);
CALL add_columnstore_policy('base.weather', after => INTERVAL '7 days');

CREATE TABLE base.gateway (
    device_id int4 NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    epoch_id int4 NOT NULL,
    seq int8 NOT NULL,
    flags jsonb,
    cpu_pct int2,
    memory_used_pct int2,
    agent_memory_mb int4,
    disk_used_pct int2,
    temperature_c int2,
    uptime_s int4,
    clock_offset_ms int4,
    outbox_batches int4,
    outbox_mb int4,
    outbox_oldest_s int4,
    samples_accepted int8,
    samples_dropped int8,
    reads_failed int8,
    link_reconnects int8,
    PRIMARY KEY (device_id, at)
);
SELECT create_hypertable('base.gateway', by_range('at', INTERVAL '1 day'), create_default_indexes => false);
ALTER TABLE base.gateway SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'device_id',
    timescaledb.orderby = 'at'
);
CALL add_columnstore_policy('base.gateway', after => INTERVAL '7 days');

-- Chunks are made by the extension; only their owner may drop them, so retention goes through here.
CREATE FUNCTION base.drop_before(class text, oldest timestamptz) RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN (SELECT count(*) FROM public.drop_chunks(to_regclass(format('base.%I', class)), older_than => oldest));
END
$$;
