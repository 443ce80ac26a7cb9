-- name: quality_now
SELECT avg(coverage_pct) AS coverage_pct, min(coverage_pct) AS coverage_lowest,
       100 * sum(estimated_intervals) / nullif(sum(good + estimated_intervals), 0)::float8 AS estimated_pct,
       100 * sum(late) / nullif(sum(received), 0)::float8 AS late_pct
FROM register_days
WHERE park_id IN (SELECT park_id FROM parks WHERE {scope park}) AND at >= $__timeFrom() AND at < $__timeTo()

-- name: trouble_now
SELECT (SELECT count(*)::float8 FROM data_gaps WHERE park IN (SELECT park FROM parks WHERE {scope park})
        AND from_at < $__timeTo() AND to_at > $__timeFrom()) AS gaps,
       (SELECT coalesce(sum(occurrences), 0)::float8 FROM quarantine
        WHERE park IN (SELECT park FROM parks WHERE {scope park}) AND {during received_at}) AS refused,
       (SELECT coalesce(sum(last_seq - first_seq + 1), 0)::float8 FROM sequence_gaps
        WHERE park IN (SELECT park FROM parks WHERE {scope park}) AND {during noted_at}) AS lost_batches

-- name: calendar
-- Completeness of every day and park; every register weighs the same.
SELECT at AS "time", park AS metric, avg(coverage_pct) AS value
FROM register_days
WHERE park_id IN (SELECT park_id FROM parks WHERE {scope park}) AND {during at}
GROUP BY 1, 2
ORDER BY 1

-- name: worst_registers
SELECT park, gateway, device, signal, avg(coverage_pct) AS coverage_pct, sum(estimated_intervals)::float8 AS estimated_intervals,
       sum(late)::float8 AS late
FROM register_days
WHERE park_id IN (SELECT park_id FROM parks WHERE {scope park}) AND {during at}
GROUP BY park, gateway, device, signal
ORDER BY coverage_pct, park, gateway, device, signal
LIMIT 50

-- name: gap_list
SELECT from_at, to_at, park, gateway, device, signal, cause
FROM data_gaps
WHERE park IN (SELECT park FROM parks WHERE {scope park}) AND from_at < $__timeTo() AND to_at > $__timeFrom()
ORDER BY from_at DESC, park, gateway, device, signal
LIMIT 200

-- name: quarantine
-- What was refused, and why.
SELECT max(received_at) AS last_at, park, gateway, coalesce(device, '') AS device, reason,
       sum(occurrences)::float8 AS occurrences, max(location) AS location
FROM quarantine
WHERE park IN (SELECT park FROM parks WHERE {scope park}) AND {during received_at}
GROUP BY park, gateway, device, reason
ORDER BY last_at DESC
LIMIT 200

-- name: lost
SELECT noted_at, park, gateway, first_seq::float8 AS first_seq, last_seq::float8 AS last_seq
FROM sequence_gaps
WHERE park IN (SELECT park FROM parks WHERE {scope park}) AND {during noted_at}
ORDER BY noted_at DESC
LIMIT 200
