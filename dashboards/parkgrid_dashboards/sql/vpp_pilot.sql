-- name: vpp_now
-- What can be adjusted in the present quarter hour, as the process computed it last, and what goes on.
WITH present AS (
    SELECT up_kw, down_kw, computed_at FROM vpp_capabilities
    WHERE kind = 'all' AND at <= now() AND at > now() - INTERVAL '15 min'
), events AS (
    SELECT count(*) FILTER (WHERE reached IN ('ramping', 'active', 'ending'))::float8 AS under_way,
           sum(open_disputes)::float8 AS open_disputes
    FROM vpp_events
)
SELECT (SELECT up_kw FROM present) AS vpp_up, (SELECT down_kw FROM present) AS vpp_down,
       (SELECT extract(epoch FROM now() - computed_at)::float8 FROM present) AS vpp_age,
       under_way AS vpp_under_way, open_disputes AS vpp_open_disputes
FROM events

-- name: vpp_year
-- The events that begin in the year of Shenzhen in which the chosen time ends: verified energy, and money by its mark.
SELECT coalesce(sum(s.paid_kwh) FILTER (WHERE s.direction = 'shave'), 0) AS vpp_shaved,
       coalesce(sum(s.paid_kwh) FILTER (WHERE s.direction = 'fill'), 0) AS vpp_filled,
       sum(s.net_cny) FILTER (WHERE s.status = 'simulation')::float8 AS net_simulation,
       sum(s.net_cny) FILTER (WHERE s.status = 'payable')::float8 AS net_payable,
       count(DISTINCT s.event)::float8 AS vpp_settled_events
FROM vpp_statements AS s JOIN vpp_events AS e USING (event)
WHERE s.stands AND extract(year FROM e.from_at AT TIME ZONE 'Asia/Shanghai')
    = extract(year FROM $__timeTo()::timestamptz AT TIME ZONE 'Asia/Shanghai')

-- name: vpp_funnel
-- How many resources have come how far, in all and by park.
SELECT CASE WHEN GROUPING(park) = 1 THEN {word all} ELSE park END AS park,
       count(*) FILTER (WHERE registered)::float8 AS vpp_registered, count(*) FILTER (WHERE tested)::float8 AS vpp_tested,
       count(*) FILTER (WHERE available)::float8 AS vpp_available,
       count(*) FILTER (WHERE responded)::float8 AS vpp_responded,
       count(*) FILTER (WHERE settled)::float8 AS vpp_settled,
       coalesce(sum(up_kw) FILTER (WHERE available), 0) AS vpp_up,
       coalesce(sum(down_kw) FILTER (WHERE available), 0) AS vpp_down
FROM vpp_resources
GROUP BY GROUPING SETS ((), (park))
ORDER BY GROUPING(park) DESC, park
LIMIT 200

-- name: vpp_months
-- Energy of the quarter hours that were delivered, wholly or partly, by the month in which the event begins.
SELECT date_trunc('month', e.from_at, 'Asia/Shanghai') AS "time",
       sum(s.paid_kwh) FILTER (WHERE s.direction = 'shave') AS vpp_shaved,
       sum(s.paid_kwh) FILTER (WHERE s.direction = 'fill') AS vpp_filled
FROM vpp_statements AS s JOIN vpp_events AS e USING (event)
WHERE s.stands AND {during e.from_at}
GROUP BY 1
ORDER BY 1

-- name: vpp_event_list
-- Those of the chosen time, and those that are still to come.
SELECT e.{name} AS vpp_event_name, e.event AS vpp_id, e.from_at AS vpp_from, e.to_at AS vpp_to, e.direction AS vpp_direction,
       e.state AS vpp_state, e.target_kw AS vpp_target, e.awarded_kw AS vpp_awarded,
       CASE WHEN s.statements > 0 THEN s.promised_kwh
            ELSE e.awarded_kw * extract(epoch FROM e.to_at - e.from_at)::float8 / 3600 END AS vpp_promised,
       s.moved_kwh AS vpp_moved, s.delivered AS vpp_delivered, s.partial AS vpp_partial, s.not_delivered AS vpp_not_delivered,
       s.unverified AS vpp_unverified,
       (SELECT string_agg({yuan m.net, m.status}, ', ' ORDER BY m.status) FROM (
            SELECT status, sum(net_cny) AS net FROM vpp_statements WHERE event = e.event AND stands GROUP BY status
        ) AS m) AS vpp_net
FROM (
    SELECT * FROM vpp_events WHERE from_at >= $__timeFrom() ORDER BY from_at DESC, entry DESC LIMIT 200
) AS e {vpp_sums}
ORDER BY e.from_at DESC, e.entry DESC

-- name: vpp_statement_list
SELECT e.{name} AS vpp_event_name, s.event AS vpp_id, s.operator AS vpp_operator, s.revision::float8 AS revision, s.cause AS vpp_cause,
       {yuan s.payment_cny, s.status} AS vpp_payment, {yuan s.penalty_cny, s.status} AS vpp_penalty,
       {yuan s.net_cny, s.status} AS vpp_net, s.at AS vpp_at, s.entry::float8 AS vpp_entry, s.digest AS vpp_digest
FROM vpp_statements AS s JOIN vpp_events AS e USING (event)
WHERE s.stands
ORDER BY s.entry DESC
LIMIT 200
