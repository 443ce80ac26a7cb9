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
) PARTITION BY RANGE (at);

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
) PARTITION BY RANGE (at);

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
) PARTITION BY RANGE (at);

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
) PARTITION BY RANGE (at);

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
) PARTITION BY RANGE (at);

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
) PARTITION BY RANGE (at);

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
) PARTITION BY RANGE (at);

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
) PARTITION BY RANGE (at);

-- Daily partitions in UTC, made on demand by whoever may insert: only their owner could attach them otherwise.
CREATE FUNCTION base.ensure_days(class text, days date[]) RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent regclass := to_regclass(format('base.%I', class));
    day date;
    part text;
    made int4 := 0;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = parent) THEN
        RAISE EXCEPTION 'base.% is not a partitioned table', class USING ERRCODE = 'undefined_table';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('parkgrid.ensure_days'), hashtext(class));
    FOREACH day IN ARRAY days LOOP
        part := format('%s_%s', class, to_char(day, 'YYYYMMDD'));
        CONTINUE WHEN to_regclass(format('base.%I', part)) IS NOT NULL;
        -- Attaching locks the parent less than creating a partition of it: writers go on.
        EXECUTE format(
            'CREATE TABLE base.%I (LIKE base.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', part, class
        );
        EXECUTE format(
            'ALTER TABLE base.%I ATTACH PARTITION base.%I FOR VALUES FROM (%L) TO (%L)',
            class, part, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC'
        );
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

CREATE FUNCTION base.drop_before(class text, oldest timestamptz) RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part regclass;
    dropped int4 := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('parkgrid.ensure_days'), hashtext(class));
    FOR part IN
        SELECT i.inhrelid FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(format('base.%I', class))
          AND (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC' <= oldest
        ORDER BY c.relname LIMIT 50
    LOOP
        EXECUTE format('DROP TABLE %s', part);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;
