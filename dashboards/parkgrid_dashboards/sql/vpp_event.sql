-- name: vpp_event_now
SELECT e.target_kw AS vpp_target, e.awarded_kw AS vpp_awarded,
       CASE WHEN s.statements > 0 THEN s.promised_kwh
            ELSE e.awarded_kw * extract(epoch FROM e.to_at - e.from_at)::float8 / 3600 END AS vpp_promised,
       s.moved_kwh AS vpp_moved
FROM vpp_events AS e {vpp_sums}
WHERE e.event = ${event:sqlstring}

-- name: vpp_event_result
SELECT s.delivered AS vpp_delivered, s.partial AS vpp_partial, s.not_delivered AS vpp_not_delivered,
       s.unverified AS vpp_unverified, s.net_simulation, s.net_payable
FROM vpp_events AS e {vpp_sums}
WHERE e.event = ${event:sqlstring}

-- name: vpp_quarters
-- All awards together, in kWh of a quarter hour. Before the statements are written: the frozen baselines, adjusted as far
-- as that is done; nothing where one of them is not known.
WITH settled AS (
    SELECT q.at, sum(q.award_wh) AS award_wh,
           CASE WHEN bool_and(q.baseline_wh IS NOT NULL) THEN sum(q.baseline_wh) END AS baseline_wh,
           CASE WHEN bool_and(q.metered_wh IS NOT NULL) THEN sum(q.metered_wh) END AS metered_wh
    FROM vpp_statements AS s CROSS JOIN LATERAL jsonb_to_recordset(s.quarters)
        AS q (at timestamptz, award_wh int8, baseline_wh int8, metered_wh int8)
    WHERE s.event = ${event:sqlstring} AND s.stands
    GROUP BY q.at
), event AS MATERIALIZED (
    SELECT * FROM vpp_events WHERE event = ${event:sqlstring}
), part AS (
    SELECT a.award, p.resource FROM event AS e
    CROSS JOIN LATERAL jsonb_to_recordset(e.awards) AS a (award text, operator text, parts jsonb)
    CROSS JOIN LATERAL jsonb_to_recordset(a.parts) AS p (resource text)
    WHERE a.operator || ' ' || p.resource <> ALL (e.excused)
), frozen AS (
    SELECT told.award, r.resource, r.baseline, r.curve_wh
    FROM vpp_entries AS n CROSS JOIN LATERAL jsonb_to_record(n.document::jsonb) AS told (award text, resources jsonb)
    CROSS JOIN LATERAL jsonb_to_recordset(told.resources) AS r (resource text, baseline text, curve_wh int8[])
    WHERE n.kind = 'frozen' AND n.subject = ${event:sqlstring} AND NOT EXISTS (SELECT FROM settled)
), adjusted AS (
    SELECT told.award, r.resource, r.factor, r.shift_wh
    FROM vpp_entries AS n CROSS JOIN LATERAL jsonb_to_record(n.document::jsonb) AS told (award text, resources jsonb)
    CROSS JOIN LATERAL jsonb_to_recordset(told.resources) AS r (resource text, factor numeric, shift_wh int8)
    WHERE n.kind = 'adjusted' AND n.subject = ${event:sqlstring} AND NOT EXISTS (SELECT FROM settled)
), expected AS (
    SELECT q.at, e.awarded_kw * 250 AS award_wh, (
               SELECT CASE WHEN bool_and(f.baseline = 'zero' OR f.curve_wh IS NOT NULL) THEN sum(
                   CASE WHEN f.baseline = 'zero' THEN 0
                        ELSE floor(coalesce(a.factor, 1) * f.curve_wh[q.place] + 0.5) + coalesce(a.shift_wh, 0) END
               ) END
               FROM part AS p LEFT JOIN frozen AS f USING (award, resource) LEFT JOIN adjusted AS a USING (award, resource)
           ) AS baseline_wh
    FROM event AS e CROSS JOIN LATERAL generate_series(e.from_at, e.to_at - INTERVAL '15 min', INTERVAL '15 min')
        WITH ORDINALITY AS q (at, place)
    WHERE NOT EXISTS (SELECT FROM settled)
), told AS (
    SELECT at, award_wh, baseline_wh, metered_wh FROM settled
    UNION ALL
    SELECT at, award_wh, baseline_wh, NULL FROM expected
), until_its_end AS (
    SELECT * FROM told
    UNION ALL
    -- Stairs end with their last step: it is as wide as the others.
    (SELECT at + INTERVAL '15 min', award_wh, baseline_wh, metered_wh FROM told ORDER BY at DESC LIMIT 1)
)
SELECT u.at AS "time", u.baseline_wh / 1000::float8 AS vpp_baseline, u.metered_wh / 1000::float8 AS vpp_metered,
       (u.baseline_wh - CASE e.direction WHEN 'shave' THEN 1 ELSE -1 END * u.award_wh) / 1000::float8 AS vpp_as_promised
FROM until_its_end AS u CROSS JOIN event AS e
ORDER BY 1

-- name: vpp_reduction
-- What was moved in the direction that was asked for, beside what was promised, all awards together.
WITH settled AS (
    SELECT q.at, sum(q.award_wh) AS award_wh, sum(q.moved_wh) AS moved_wh
    FROM vpp_statements AS s
    CROSS JOIN LATERAL jsonb_to_recordset(s.quarters) AS q (at timestamptz, award_wh int8, moved_wh int8)
    WHERE s.event = ${event:sqlstring} AND s.stands
    GROUP BY q.at
), told AS (
    SELECT at, award_wh, moved_wh FROM settled
    UNION ALL
    SELECT q.at, e.awarded_kw * 250, NULL
    FROM vpp_events AS e CROSS JOIN LATERAL generate_series(e.from_at, e.to_at - INTERVAL '15 min', INTERVAL '15 min') AS q (at)
    WHERE e.event = ${event:sqlstring} AND NOT EXISTS (SELECT FROM settled)
)
SELECT at AS "time", award_wh / 1000::float8 AS vpp_promised, moved_wh / 1000::float8 AS vpp_moved FROM told
UNION ALL
(SELECT at + INTERVAL '15 min', award_wh / 1000::float8, moved_wh / 1000::float8 FROM told ORDER BY at DESC LIMIT 1)
ORDER BY 1

-- name: vpp_verdicts
-- Of each award and of its resources, those with the largest awards first, as many as a picture can hold.
WITH {vpp_settled}, line AS (
    SELECT operator AS metric, quarters, 0 AS place FROM settled
    UNION ALL
    SELECT resource, quarters, row_number() OVER (ORDER BY (quarters -> 0 ->> 'award_wh')::int8 DESC, resource) FROM of_resource
), told AS (
    SELECT l.metric, q.at, l.place, q.verdict FROM line AS l
    CROSS JOIN LATERAL jsonb_to_recordset(l.quarters) AS q (at timestamptz, verdict text)
    WHERE l.place <= 1500 / (1 + jsonb_array_length(l.quarters))
), until_their_end AS (
    SELECT metric, at, place, array_position(ARRAY['unverified', 'not_delivered', 'partial', 'delivered'], verdict)::float8 AS value
    FROM told
    UNION ALL
    SELECT metric, max(at) + INTERVAL '15 min', place, NULL FROM told GROUP BY metric, place
)
SELECT at AS "time", metric, value FROM until_their_end ORDER BY at, place, metric LIMIT 2000

-- name: vpp_resource_list
WITH {vpp_settled}, award AS (
    SELECT e.entry, e.excused, e.from_at, e.to_at, a.award, a.operator, p.resource, p.w, n.number
    FROM vpp_events AS e
    JOIN vpp_entries AS n ON n.kind = 'award' AND n.subject = e.event
    CROSS JOIN LATERAL jsonb_to_recordset(e.awards) AS a (award text, operator text, parts jsonb)
    CROSS JOIN LATERAL jsonb_to_recordset(a.parts) AS p (resource text, w int8)
    WHERE e.event = ${event:sqlstring}
    ORDER BY p.resource
    LIMIT 200
)
SELECT a.resource AS vpp_resource, r.brief ->> '{name}' AS vpp_resource_name, r.brief ->> 'park' AS park,
       r.brief ->> 'kind' AS vpp_kind, a.operator AS vpp_operator, a.w / 1000::float8 AS vpp_awarded,
       CASE WHEN a.operator || ' ' || a.resource = ANY (a.excused) THEN 'yes' ELSE 'no' END AS vpp_opted_out,
       CASE WHEN q.resource IS NOT NULL THEN q.promised_kwh
            ELSE a.w / 1000::float8 * extract(epoch FROM a.to_at - a.from_at)::float8 / 3600 END AS vpp_promised,
       q.moved_kwh AS vpp_moved, q.delivered AS vpp_delivered, q.partial AS vpp_partial,
       q.not_delivered AS vpp_not_delivered, q.unverified AS vpp_unverified
FROM award AS a
CROSS JOIN LATERAL (
    -- As it was registered when it was awarded.
    SELECT brief FROM vpp_entries WHERE kind = 'resource' AND subject = a.resource AND number < a.number
    ORDER BY number DESC LIMIT 1
) AS r
LEFT JOIN (
    SELECT o.award, o.resource,
           coalesce(sum(u.award_wh) FILTER (WHERE u.moved_wh IS NOT NULL), 0) / 1000::float8 AS promised_kwh,
           coalesce(sum(u.moved_wh), 0) / 1000::float8 AS moved_kwh,
           count(*) FILTER (WHERE u.verdict = 'delivered')::float8 AS delivered,
           count(*) FILTER (WHERE u.verdict = 'partial')::float8 AS partial,
           count(*) FILTER (WHERE u.verdict = 'not_delivered')::float8 AS not_delivered,
           count(*) FILTER (WHERE u.verdict = 'unverified')::float8 AS unverified
    FROM of_resource AS o
    CROSS JOIN LATERAL jsonb_to_recordset(o.quarters) AS u (award_wh int8, moved_wh int8, verdict text)
    GROUP BY o.award, o.resource
) AS q USING (award, resource)
ORDER BY a.resource

-- name: vpp_lines
-- To the cent, as the statement says; operator's and user's parts are of payment less penalty.
WITH {vpp_settled}
SELECT l.resource AS vpp_resource, s.operator AS vpp_operator, l.contract AS vpp_contract,
       {yuan l.payment, s.status} AS vpp_payment, {yuan l.penalty, s.status} AS vpp_penalty,
       {yuan l.operator_part, s.status} AS vpp_operator_part, {yuan l.user_part, s.status} AS vpp_user_part,
       s.statement AS vpp_statement, s.entry::float8 AS vpp_entry
FROM settled AS s CROSS JOIN LATERAL jsonb_to_recordset(s.told -> 'lines') AS l (
    resource text, contract text, payment numeric, penalty numeric, operator_part numeric, user_part numeric
)
ORDER BY l.resource
LIMIT 200

-- name: vpp_not_sure
-- Every quarter hour of a resource that is not delivered, with the reason where it is not verified.
WITH {vpp_settled}
SELECT u.at AS vpp_at, o.resource AS vpp_resource, u.award_wh / 1000::float8 AS vpp_promised,
       u.baseline_wh / 1000::float8 AS vpp_baseline, u.metered_wh / 1000::float8 AS vpp_metered,
       u.moved_wh / 1000::float8 AS vpp_moved, u.verdict AS vpp_verdict, u.unsure AS vpp_unsure
FROM of_resource AS o CROSS JOIN LATERAL jsonb_to_recordset(o.quarters) AS u (
    at timestamptz, award_wh int8, baseline_wh int8, metered_wh int8, moved_wh int8, verdict text, unsure text
)
WHERE u.verdict <> 'delivered'
ORDER BY u.at, o.resource
LIMIT 400

-- name: vpp_days
-- Every day that was looked at for a baseline when it was frozen, chosen or dropped.
SELECT r.resource AS vpp_resource, d.day AS vpp_day, d.outcome AS vpp_outcome, d.energy_wh / 1000::float8 AS vpp_day_energy,
       d.window_wh / 1000::float8 AS vpp_window_energy, d.detail AS vpp_detail
FROM vpp_entries AS n
CROSS JOIN LATERAL jsonb_to_recordset(n.document::jsonb -> 'resources') AS r (resource text, days jsonb)
CROSS JOIN LATERAL jsonb_to_recordset(r.days) AS d (day text, outcome text, energy_wh int8, window_wh int8, detail text)
WHERE n.kind = 'frozen' AND n.subject = ${event:sqlstring}
ORDER BY r.resource, d.day DESC
LIMIT 500

-- name: vpp_chain
-- The newest entries of the event. Each digest is computed here once more from what the entry says (docs/vpp-bundle.md),
-- and compared with the digest that the entry and its follower carry.
SELECT e.number::float8 AS vpp_entry, e.kind AS vpp_entry_kind, e.at AS vpp_at, e.by AS vpp_by, e.digest AS vpp_digest,
       CASE WHEN e.digest = encode(sha256(convert_to(
           '["parkgrid-vpp-1",' || e.number || ',"' || e.previous || '",' || to_json(e.kind) || ',' || to_json(e.subject) || ',"'
           || to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || '",' || to_json(e.by) || ',' || e.document || ']',
           'UTF8'
       )), 'hex')
       AND e.previous = coalesce((SELECT digest FROM vpp_entries WHERE number = e.number - 1), repeat('0', 64))
       THEN 'yes' ELSE 'no' END AS vpp_sound
FROM vpp_entries AS e
WHERE e.subject = ${event:sqlstring}
ORDER BY e.number DESC
LIMIT 200

-- name: vpp_head
-- What to keep, so that anybody can tell later whether something was changed: the head of the chain, the statements that
-- stand, the rules.
(SELECT {word vpp_head_of_chain} AS vpp_what, kind AS vpp_name, number::float8 AS vpp_entry, digest AS vpp_digest
 FROM vpp_entries ORDER BY number DESC LIMIT 1)
UNION ALL
SELECT {word vpp_statement}, statement, entry::float8, digest FROM vpp_statements
WHERE event = ${event:sqlstring} AND stands
UNION ALL
SELECT {word vpp_pack}, n.document::jsonb ->> 'id', n.number::float8, e.pack
FROM vpp_events AS e JOIN vpp_entries AS n ON n.kind = 'rules' AND n.subject = e.pack
WHERE e.event = ${event:sqlstring}
