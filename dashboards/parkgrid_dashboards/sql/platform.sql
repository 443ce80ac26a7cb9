-- name: store_now
SELECT extract(epoch FROM now() - (SELECT max(newest_at) FROM store_progress))::float8 AS lag_s,
       (SELECT sum(entries)::float8 FROM store_backlog) AS backlog,
       pg_database_size(current_database())::float8 AS database_size,
       (SELECT count(*)::float8 FROM pg_stat_activity WHERE datname = current_database()) AS connections

-- name: gateways_now
SELECT max(outbox_oldest_s) AS outbox_oldest, sum(outbox_mb) AS outbox_size, max(abs(clock_offset_ms)) AS clock_offset
FROM {newest gateway: outbox_oldest_s, outbox_mb, clock_offset_ms}

-- name: readings
-- Readings that were stored, by class of device, from the roll-up that fits the width.
SELECT {bucket at} AS "time", device_class AS metric, sum(samples)::float8 AS value
FROM (
    SELECT at, 'grid_meter' AS device_class, samples FROM {rolled grid_meter: samples}
    UNION ALL
    SELECT at, 'meter', samples FROM {rolled meter: samples}
    UNION ALL
    SELECT at, 'pv_inverter', samples FROM {rolled pv_inverter: samples}
    UNION ALL
    SELECT at, 'storage', samples FROM {rolled storage: samples}
    UNION ALL
    SELECT at, 'charger', samples FROM {rolled charger: samples}
    UNION ALL
    SELECT at, 'dc_bus', samples FROM {rolled dc_bus: samples}
    UNION ALL
    SELECT at, 'weather', samples FROM {rolled weather: samples}
    UNION ALL
    SELECT at, 'gateway', samples FROM {rolled gateway: samples}
) AS stored
GROUP BY 1, 2
ORDER BY 1

-- name: outbox
-- What waits in the outboxes: the age of the oldest reading that the store has not acknowledged.
SELECT {bucket at} AS "time", park || '/' || gateway AS metric, max(outbox_oldest_s_max) AS value
FROM {rolled gateway: outbox_oldest_s_max} JOIN devices USING (device_id)
GROUP BY 1, 2
ORDER BY 1

-- name: clock
SELECT {bucket at} AS "time", park || '/' || gateway AS metric, avg(clock_offset_ms) AS value
FROM {rolled gateway: clock_offset_ms} JOIN devices USING (device_id)
GROUP BY 1, 2
ORDER BY 1

-- name: agents
SELECT {bucket at} AS "time", park || '/' || gateway AS metric, avg(agent_memory_mb) AS value
FROM {rolled gateway: agent_memory_mb} JOIN devices USING (device_id)
GROUP BY 1, 2
ORDER BY 1

-- name: losses
-- What went wrong at the edge in the chosen time: differences of the agents' own counters.
SELECT park, gateway, max(samples_dropped_last) - min(samples_dropped_first) AS dropped,
       max(reads_failed_last) - min(reads_failed_first) AS reads_failed,
       max(link_reconnects_last) - min(link_reconnects_first) AS reconnects
FROM gateway_15m AS g JOIN devices USING (device_id)
WHERE {of gateway g} AND {during g.at}
GROUP BY park, gateway
ORDER BY park, gateway
LIMIT 200

-- name: progress_of_store
SELECT relation, newest_at, extract(epoch FROM now() - newest_at)::float8 AS lag_s
FROM store_progress
WHERE newest_at IS NOT NULL
ORDER BY relation
LIMIT 200

-- name: backlog
SELECT work, entries::float8 AS entries FROM store_backlog ORDER BY work
