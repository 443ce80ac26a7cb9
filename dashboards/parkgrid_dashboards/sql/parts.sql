-- Parts of the queries about clusters; a word in braces of another query stands for one of them.

-- name: since
-- Outputs since January: from the newest cumulative figure on, or from the first quarter; nothing where one is absent.
stated AS (
    SELECT cluster, left(quarter, 4)::int4 AS year, right(quarter, 1)::int4 AS n, basis, output_100m_cny::float8 AS v
    FROM cluster_outputs
), since AS (
    SELECT s.cluster, s.year, s.n, sum(p.v) AS v
    FROM stated AS s
    CROSS JOIN LATERAL (
        SELECT coalesce(max(m.n) FILTER (WHERE m.basis = 'cumulative'), 1) AS n FROM stated AS m
        WHERE m.cluster = s.cluster AND m.year = s.year AND m.n <= s.n
    ) AS known
    JOIN stated AS p ON p.cluster = s.cluster AND p.year = s.year AND p.n BETWEEN known.n AND s.n
    GROUP BY s.cluster, s.year, s.n, known.n
    HAVING count(*) = s.n - known.n + 1
), alone AS (
    SELECT s.cluster, s.year, s.n, CASE WHEN s.basis = 'quarter' OR s.n = 1 THEN s.v ELSE s.v - b.v END AS v
    FROM stated AS s LEFT JOIN since AS b ON b.cluster = s.cluster AND b.year = s.year AND b.n = s.n - 1
)

-- name: cluster_energy
-- Metered energy of accounts by the shares of enterprises, month by month; consumption = import - export + PV
-- + discharged - charged, over grid meters where an account has them, over its sub-meters where it has none.
months AS (
    SELECT r.register_id, r.park, r.account, r.device_class, r.signal, m.month, m.start_at, m.end_at,
           sum(d.energy_wh) AS wh,
           coalesce(sum((d.good + d.estimated_intervals) * d.period_s), 0) AS known_s,
           extract(epoch FROM m.end_at - m.start_at) AS expected_s
    FROM registers AS r JOIN parks AS p USING (park_id)
    CROSS JOIN LATERAL (
        SELECT month::date, month AT TIME ZONE p.time_zone AS start_at,
               (month + INTERVAL '1 month') AT TIME ZONE p.time_zone AS end_at
        FROM generate_series(
            date_trunc('quarter', $__timeFrom()::timestamptz AT TIME ZONE p.time_zone),
            $__timeTo()::timestamptz AT TIME ZONE p.time_zone, INTERVAL '1 month'
        ) AS month
    ) AS m
    LEFT JOIN register_days AS d ON d.park_id = r.park_id AND d.register_id = r.register_id
        AND d.at >= m.start_at AND d.at < m.end_at
    WHERE r.account <> '' AND (r.device_class, r.signal) IN (
        ('grid_meter', 'energy_import_kwh'), ('grid_meter', 'energy_export_kwh'), ('meter', 'energy_import_kwh'),
        ('meter', 'energy_export_kwh'), ('pv_inverter', 'energy_generated_kwh'), ('storage', 'energy_charged_kwh'),
        ('storage', 'energy_discharged_kwh'))
    GROUP BY r.register_id, r.park, r.account, r.device_class, r.signal, m.month, m.start_at, m.end_at
), chosen AS (
    SELECT *, bool_or(device_class = 'grid_meter') OVER (PARTITION BY park, account, month) AS has_grid,
           CASE WHEN signal IN ('energy_export_kwh', 'energy_charged_kwh') THEN -1 ELSE 1 END AS sign
    FROM months
), cluster_energy AS (
    SELECT e.cluster, extract(year FROM c.month)::int4 AS year, extract(quarter FROM c.month)::int4 AS n,
           sum(c.sign * c.wh * a.share_pct / 100)::float8 / 1000 AS kwh,
           (100 * sum(c.known_s * a.share_pct) / sum(c.expected_s * a.share_pct))::float8 AS coverage_pct,
           coalesce(shares.part, 1) AS output_share, shares.part AS stated_share
    FROM chosen AS c
    JOIN enterprise_accounts AS a ON a.park = c.park AND a.account = c.account AND a.valid_from <= c.month
        AND (a.valid_to IS NULL OR a.valid_to > c.month)
    JOIN enterprises AS e USING (enterprise)
    JOIN (
        SELECT cluster, CASE WHEN bool_and(output_share_pct IS NOT NULL) THEN sum(output_share_pct) END::float8
            / 100 AS part
        FROM enterprises GROUP BY cluster
    ) AS shares ON shares.cluster = e.cluster
    WHERE c.device_class <> 'meter' AND c.device_class <> 'grid_meter'
       OR c.device_class = CASE WHEN c.has_grid THEN 'grid_meter' ELSE 'meter' END
    GROUP BY e.cluster, extract(year FROM c.month), extract(quarter FROM c.month), shares.part
    HAVING sum(c.wh) IS NOT NULL
)

-- name: quarters_of_parks
SELECT quarter, imported - exported + pv + discharged - charged AS consumption,
       100 * greatest(pv - exported, 0) / nullif(imported - exported + pv + discharged - charged, 0)
           AS pv_of_consumption,
       100 * discharged / nullif(imported - exported + pv + discharged - charged, 0) AS storage_of_consumption
FROM (
    SELECT date_trunc('quarter', d.at, p.time_zone) AS quarter,
           sum(energy_kwh) FILTER (WHERE device_class = 'grid_meter' AND signal = 'energy_import_kwh') AS imported,
           coalesce(sum(energy_kwh) FILTER (WHERE device_class = 'grid_meter' AND signal = 'energy_export_kwh'), 0)
               AS exported,
           coalesce(sum(energy_kwh) FILTER (WHERE device_class = 'pv_inverter'), 0) AS pv,
           coalesce(sum(energy_kwh) FILTER (WHERE device_class = 'storage' AND signal = 'energy_discharged_kwh'), 0)
               AS discharged,
           coalesce(sum(energy_kwh) FILTER (WHERE device_class = 'storage' AND signal = 'energy_charged_kwh'), 0) AS charged
    FROM register_days AS d JOIN parks AS p USING (park_id)
    WHERE d.at < $__timeTo() AND d.at >= $__timeFrom()
      AND device_class IN ('grid_meter', 'pv_inverter', 'storage') AND signal LIKE 'energy%'
    GROUP BY 1
) AS flows

-- name: whole_intervals
-- The intervals that enter a figure of energies, as domain/indicators has it: those in which every register that should
-- be there is known. A register counts from its first known interval (one that was never told: from its device's) to
-- the last, if its device is retired. A flow without any register is 0 throughout and no gap.
<name>_counted AS MATERIALIZED (
    SELECT r.park_id, r.register_id, r.period_s, r.flow, <pool> AS pool,
           coalesce(f.at, least(min(f.at) OVER (PARTITION BY r.device_id), r.first_seen_at)) AS begins,
           CASE WHEN r.retired THEN coalesce(l.at + make_interval(secs => r.period_s), f.at, r.first_seen_at)
               ELSE 'infinity' END AS ends
    FROM (
        SELECT g.park_id, g.register_id, g.device_id, g.park, g.period_s, d.retired, d.first_seen_at, v.flow
        FROM registers AS g JOIN devices AS d USING (park_id, device_id)
        JOIN (VALUES ('imported', 'grid_meter', 'energy_import_kwh'), ('exported', 'grid_meter', 'energy_export_kwh'),
                ('pv', 'pv_inverter', 'energy_generated_kwh'), ('discharged', 'storage', 'energy_discharged_kwh'),
                ('charged', 'storage', 'energy_charged_kwh')) AS v (flow, device_class, signal)
            ON v.device_class = g.device_class AND v.signal = g.signal
        WHERE v.flow IN (<flows>) AND {scope device g}
    ) AS r
    LEFT JOIN LATERAL (SELECT at FROM energy_intervals WHERE park_id = r.park_id AND register_id = r.register_id
        AND energy_wh IS NOT NULL ORDER BY at LIMIT 1) AS f ON true
    LEFT JOIN LATERAL (SELECT at FROM energy_intervals WHERE park_id = r.park_id AND register_id = r.register_id
        AND energy_wh IS NOT NULL ORDER BY at DESC LIMIT 1) AS l ON r.retired
), <name>_asked AS MATERIALIZED (
    SELECT * FROM <name>_counted WHERE begins < $__timeTo()::timestamptz AND ends > $__timeFrom()::timestamptz
), <name>_pools AS MATERIALIZED (
    SELECT *, floor(extract(epoch FROM $__timeTo()::timestamptz - start_at) / extract(epoch FROM length)) AS slots
    FROM (
        SELECT *, date_bin(length, $__timeFrom()::timestamptz + length - INTERVAL '1 microsecond',
            TIMESTAMPTZ '2000-01-01 00:00+08') AS start_at
        FROM (
            SELECT pool, make_interval(secs => max(period_s)) AS length, count(DISTINCT flow) AS flows
            FROM <name>_asked GROUP BY pool
            HAVING count(DISTINCT flow) FILTER (WHERE flow IN (<required>)) = cardinality(ARRAY[<required>])
        ) AS grouped
    ) AS placed
), <name>_told AS MATERIALIZED (
    SELECT date_bin(p.length, i.at, TIMESTAMPTZ '2000-01-01 00:00+08') AS at, p.pool, sum(a.period_s) AS known_s, <sums>
    FROM <name>_pools AS p JOIN <name>_asked AS a USING (pool)
    CROSS JOIN LATERAL (SELECT at, energy_kwh FROM energy_intervals WHERE park_id = a.park_id
        AND register_id = a.register_id AND energy_wh IS NOT NULL AND {during at} OFFSET 0) AS i
    WHERE i.at >= p.start_at AND i.at < p.start_at + p.slots * p.length
    GROUP BY 1, 2
), <name>_spans AS MATERIALIZED (
    -- Registers of a flow that are asked for alike are counted together: what is compared with each slot stays small.
    SELECT pool, array_agg(flow) AS flow, array_agg(begins) AS begins, array_agg(ends) AS ends,
           array_agg(registers) AS registers
    FROM (
        SELECT pool, flow, greatest(begins, $__timeFrom()::timestamptz) AS begins,
               least(ends, $__timeTo()::timestamptz) AS ends, count(*) AS registers
        FROM <name>_asked GROUP BY 1, 2, 3, 4
    ) AS alike GROUP BY pool
), <name> AS (
    SELECT t.pool, (100 * count(*) / max(p.slots))::float8 AS coverage_pct, <totals>
    FROM <name>_told AS t JOIN <name>_pools AS p USING (pool) JOIN <name>_spans AS s USING (pool) CROSS JOIN LATERAL (
        SELECT sum(a.registers) AS registers, count(DISTINCT a.flow) AS flows
        FROM unnest(s.flow, s.begins, s.ends, s.registers) AS a (flow, begins, ends, registers)
        WHERE a.begins < t.at + p.length AND a.ends > t.at
    ) AS expected
    WHERE expected.flows = p.flows AND t.known_s = expected.registers * extract(epoch FROM p.length)
    GROUP BY t.pool
)

-- name: vpp_sums
-- What the statements of an event `e` that stand come to, all operators together.
LEFT JOIN LATERAL (
    SELECT count(*) AS statements, sum(promised_kwh) AS promised_kwh, sum(moved_kwh) AS moved_kwh,
           sum(delivered)::float8 AS delivered, sum(partial)::float8 AS partial,
           sum(not_delivered)::float8 AS not_delivered, sum(unverified)::float8 AS unverified,
           sum(net_cny) FILTER (WHERE status = 'simulation')::float8 AS net_simulation,
           sum(net_cny) FILTER (WHERE status = 'payable')::float8 AS net_payable
    FROM vpp_statements WHERE event = e.event AND stands
) AS s ON true

-- name: vpp_settled
-- The statements of the chosen event that stand, whole; each resource of one.
settled AS MATERIALIZED (
    SELECT s.*, n.document::jsonb AS told FROM vpp_statements AS s JOIN vpp_entries AS n ON n.number = s.entry
    WHERE s.event = ${event:sqlstring} AND s.stands
), of_resource AS MATERIALIZED (
    SELECT s.award, s.operator, r.resource, r.quarters
    FROM settled AS s CROSS JOIN LATERAL jsonb_to_recordset(s.told -> 'resources') AS r (resource text, quarters jsonb)
)

-- name: vpp_newest
-- The newest forecast of each active resource of the chosen park, issued within twelve hours.
SELECT DISTINCT ON (f.resource) f.resource, f.method, f.issued_at, f.scored, f.mae_w, f.bias_w, f.held
FROM vpp_forecasts AS f JOIN vpp_resources AS r ON r.park = f.park AND r.resource = f.resource AND r.phase = 'active'
WHERE f.park = ${park:sqlstring} AND f.issued_at <= now() AND f.issued_at > now() - INTERVAL '12 hours'
ORDER BY f.resource, f.issued_at DESC
