-- name: stale_park
-- Seconds since anything was heard of a park.
SELECT park, extract(epoch FROM now() - max(last_seen_at))::float8 AS value FROM gateways GROUP BY park

-- name: completeness
-- Completeness of each park over the last whole day, per cent.
SELECT p.park, avg(coverage_pct) AS value
FROM register_days AS d JOIN parks AS p USING (park_id)
WHERE d.at = date_trunc('day', now() - INTERVAL '1 day', p.time_zone)
GROUP BY p.park

-- name: demand_forecast
-- The present quarter of an hour, if it goes on as its minutes so far, in per cent of the agreed limit. The bound of 16
-- minutes says no more than the one before it, but is known soon enough to leave parts of a table alone.
WITH minutes AS (
    SELECT d.park, d.device_id, avg(m.active_power_kw) AS kw
    FROM devices AS d CROSS JOIN LATERAL (
        SELECT active_power_kw FROM grid_meter_1m
        WHERE park_id = d.park_id AND device_id = d.device_id
          AND at >= date_bin('15 minutes', now(), TIMESTAMPTZ '2000-01-01 00:00+08') - INTERVAL '1 minute' AND at <= now()
          AND at >= now() - INTERVAL '16 minutes' OFFSET 0
    ) AS m
    WHERE d.device_class = 'grid_meter'
    GROUP BY d.park, d.device_id
), limits AS (
    SELECT park, sum(contracted_kw)::float8 AS kw
    FROM (
        SELECT DISTINCT ON (account) account, park, contracted_kw
        FROM supply_agreements
        WHERE valid_from <= now()::date AND (valid_to IS NULL OR valid_to > now()::date)
        ORDER BY account, agreement_id DESC
    ) AS agreed
    GROUP BY park
)
SELECT park, 100 * sum(minutes.kw) / nullif(limits.kw, 0) AS value
FROM minutes JOIN limits USING (park)
GROUP BY park, limits.kw

-- name: outbox_growing
-- Age of the oldest reading that waits, where it grows: seconds more than a quarter of an hour ago.
SELECT d.park, d.gateway, max(g.outbox_oldest_s) - min(g.outbox_oldest_s) AS value
FROM devices AS d CROSS JOIN LATERAL (
    SELECT outbox_oldest_s FROM gateway_1m
    WHERE park_id = d.park_id AND device_id = d.device_id AND at >= now() - INTERVAL '15 minutes' AND at <= now() OFFSET 0
) AS g
WHERE d.device_class = 'gateway'
GROUP BY d.park, d.gateway

-- name: ingest_lag
-- Seconds between the newest stored reading and now.
SELECT extract(epoch FROM now() - max(newest_at))::float8 AS value FROM store_progress
