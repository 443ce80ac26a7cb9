-- name: vpp_park_now
-- The present quarter hour of the chosen park.
SELECT up_kw AS vpp_up, up_min * 60 AS vpp_up_holds, down_kw AS vpp_down, down_min * 60 AS vpp_down_holds,
       extract(epoch FROM now() - computed_at)::float8 AS vpp_age
FROM vpp_capabilities
WHERE kind = 'park' AND id = ${park:sqlstring} AND at <= now() AND at > now() - INTERVAL '15 min'

-- name: vpp_score_now
-- How the newest forecasts of the park's resources did over the seven days before they were issued.
WITH newest AS ({vpp_newest})
SELECT (sum(mae_w * scored) / nullif(sum(scored), 0) / 1000)::float8 AS vpp_mae,
       (sum(bias_w * scored) / nullif(sum(scored), 0) / 1000)::float8 AS vpp_bias,
       (100.0 * sum(held) / nullif(sum(scored), 0))::float8 AS vpp_confidence, sum(scored)::float8 AS vpp_scored
FROM newest

-- name: vpp_outlook
SELECT at AS "time", up_kw AS vpp_up, down_kw AS vpp_down FROM vpp_capabilities
WHERE kind = 'park' AND id = ${park:sqlstring} AND {during at}
ORDER BY 1

-- name: vpp_limits
SELECT at AS "time", {limit_code up_limit} AS vpp_up, {limit_code down_limit} AS vpp_down FROM vpp_capabilities
WHERE kind = 'park' AND id = ${park:sqlstring} AND {during at}
ORDER BY 1

-- name: vpp_parks_now
-- The pool, each park and each transformer in the present quarter hour.
SELECT CASE kind WHEN 'all' THEN {word all} ELSE id END AS vpp_part, kind AS vpp_part_kind, up_kw AS vpp_up,
       up_min * 60 AS vpp_up_holds, up_limit AS vpp_up_limit, down_kw AS vpp_down, down_min * 60 AS vpp_down_holds,
       down_limit AS vpp_down_limit
FROM vpp_capabilities
WHERE at <= now() AND at > now() - INTERVAL '15 min'
ORDER BY array_position(ARRAY['all', 'park', 'transformer'], kind), id
LIMIT 400

-- name: vpp_forecast
-- Mean power of the park's resources that have a forecast, by quarter hour: the forecast that was the newest when the
-- quarter hour began, and what registers say. Metered only where every register of every such resource is sure.
WITH issued AS (
    SELECT DISTINCT ON (f.resource, q.at) f.resource, q.at, f.w
    FROM (
        SELECT v.resource, v.start_at, w.w, w.place FROM vpp_forecasts AS v
        CROSS JOIN LATERAL unnest(v.mean_w) WITH ORDINALITY AS w (w, place)
        WHERE v.park = ${park:sqlstring} AND v.issued_at < $__timeTo()
          AND v.issued_at > $__timeFrom()::timestamptz - INTERVAL '30 hours'
    ) AS f CROSS JOIN LATERAL (SELECT f.start_at + (f.place - 1) * INTERVAL '15 min' AS at) AS q
    WHERE {during q.at} AND f.w IS NOT NULL
    ORDER BY f.resource, q.at, f.start_at DESC
), term AS (
    SELECT DISTINCT ON (r.resource, m.register) r.resource, m.register, m.sign, g.park_id, g.register_id
    FROM vpp_resources AS r CROSS JOIN LATERAL jsonb_to_recordset(r.meter) AS m (register text, sign int4)
    LEFT JOIN (
        SELECT g.*, d.retired FROM registers AS g JOIN devices AS d USING (park_id, device_id)
    ) AS g ON (g.park, g.gateway, g.device, g.signal) = (
        split_part(m.register, '/', 1), split_part(m.register, '/', 2), split_part(m.register, '/', 3),
        split_part(m.register, '/', 4)
    )
    WHERE r.park = ${park:sqlstring} AND r.resource IN (SELECT resource FROM issued)
    ORDER BY r.resource, m.register, g.retired, g.register_id DESC
), metered AS (
    SELECT t.resource, i.at, sum(t.sign * i.energy_wh) * 4 AS w, count(*) AS sure
    FROM term AS t CROSS JOIN LATERAL (
        SELECT at, energy_wh FROM energy_intervals
        WHERE park_id = t.park_id AND register_id = t.register_id AND period_s = 900 AND quality = 1
          AND energy_wh IS NOT NULL AND {during at} OFFSET 0
    ) AS i
    GROUP BY t.resource, i.at
), needed AS (
    SELECT resource, count(*) AS registers FROM term GROUP BY resource
)
SELECT i.at AS "time", sum(i.w) / 1000::float8 AS vpp_forecast_kw,
       CASE WHEN bool_and(coalesce(m.sure = n.registers, false)) THEN sum(m.w) / 1000::float8 END AS vpp_metered_kw
FROM issued AS i LEFT JOIN metered AS m USING (resource, at) LEFT JOIN needed AS n USING (resource)
GROUP BY i.at
ORDER BY 1

-- name: vpp_confidence
-- By resource: of a forecast, how often nine tenths of the promise were there; without one, the last test's least accuracy.
WITH newest AS ({vpp_newest})
SELECT r.resource AS vpp_resource, r.{name} AS vpp_resource_name, r.kind AS vpp_kind, f.method AS vpp_method,
       f.issued_at AS vpp_issued, f.mae_w / 1000::float8 AS vpp_mae, f.bias_w / 1000::float8 AS vpp_bias,
       f.scored::float8 AS vpp_scored,
       CASE WHEN f.resource IS NULL AND t.accuracy IS NOT NULL THEN 100 * least(1, greatest(0, t.accuracy))
            ELSE 100 * f.held / nullif(f.scored, 0)::float8 END AS vpp_confidence
FROM vpp_resources AS r LEFT JOIN newest AS f USING (resource)
LEFT JOIN LATERAL (
    SELECT (SELECT min(q.accuracy) FROM jsonb_to_recordset(n.brief -> 'quarters') AS q (accuracy float8)) AS accuracy
    FROM vpp_entries AS n WHERE n.kind = 'test' AND n.subject = r.resource ORDER BY n.number DESC LIMIT 1
) AS t ON true
WHERE r.park = ${park:sqlstring} AND r.phase = 'active'
ORDER BY r.resource
LIMIT 200
