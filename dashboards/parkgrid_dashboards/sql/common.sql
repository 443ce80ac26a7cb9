-- Variables, annotations and what several dashboards ask alike. Words in braces are expanded by `dashboards.queries`.

-- name: districts
SELECT DISTINCT district FROM parks ORDER BY district

-- name: parks
SELECT park FROM parks WHERE district = ${district:sqlstring} ORDER BY park

-- name: storage_devices
SELECT gateway || '/' || device AS device FROM devices
WHERE park = ${park:sqlstring} AND device_class = 'storage' AND NOT retired ORDER BY device

-- name: charger_devices
SELECT gateway || '/' || device AS device FROM devices
WHERE park = ${park:sqlstring} AND device_class = 'charger' AND NOT retired ORDER BY device

-- name: dc_bus_devices
SELECT gateway || '/' || device AS device FROM devices
WHERE park = ${park:sqlstring} AND device_class = 'dc_bus' AND NOT retired ORDER BY device

-- name: meter_devices
SELECT gateway || '/' || device AS device FROM devices
WHERE park = ${park:sqlstring} AND device_class IN ('grid_meter', 'meter') AND NOT retired ORDER BY device

-- name: gaps
-- Spells without readings, with the part of the way that failed.
SELECT min(from_at) AS "time", max(to_at) AS timeend, string_agg(DISTINCT device, ', ') AS text,
       'gap,' || cause AS tags
FROM data_gaps
WHERE park IN (SELECT park FROM parks WHERE {scope park}) AND from_at < $__timeTo() AND to_at > $__timeFrom()
GROUP BY park, gateway, cause, from_at
ORDER BY 1
LIMIT 200

-- name: events
-- Meters changed, batches that never came, agents started.
SELECT valid_from AS "time", device || ' ' || signal || ': ' || reason AS text, 'meter' AS tags
FROM register_declarations
WHERE park IN (SELECT park FROM parks WHERE {scope park}) AND declared_by <> 'nameplate' AND {during valid_from}
UNION ALL
SELECT noted_at, gateway || ': ' || (last_seq - first_seq + 1) || ' batches never came', 'lost'
FROM sequence_gaps WHERE park IN (SELECT park FROM parks WHERE {scope park}) AND {during noted_at}
UNION ALL
SELECT birth_at, gateway || ' ' || agent_version, 'start'
FROM gateways WHERE park IN (SELECT park FROM parks WHERE {scope park}) AND {during birth_at}
ORDER BY 1
LIMIT 200

-- name: vpp_events
SELECT event AS __value, to_char(from_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI ') || {name} AS __text
FROM vpp_events ORDER BY from_at DESC, entry DESC LIMIT 500

-- name: vpp_parks
SELECT DISTINCT park FROM vpp_resources ORDER BY park
