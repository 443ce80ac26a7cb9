-- name: plan_now
-- The newest year with stated outputs against the plan: all clusters that have a target.
WITH {outputs}, newest AS (
    SELECT s.cluster, s.year, s.v, row_number() OVER (PARTITION BY s.cluster ORDER BY s.year DESC, s.n DESC) AS place
    FROM since AS s
    WHERE make_date(s.year, 3 * s.n, 1) < $__timeTo()::timestamptz
)
SELECT sum(n.v) AS output_this_year, sum(p.target_2025) AS target_2025, sum(p.target_2030) AS target_2030,
       100 * sum(n.v) / nullif(sum(p.target_2025), 0) AS progress_2025, 100 * sum(n.v) / nullif(sum(p.target_2030), 0) AS progress_2030
FROM newest AS n JOIN plan AS p USING (cluster)
WHERE n.place = 1 AND p.target_2025 IS NOT NULL

-- name: energy_now
-- The newest quarter that has energy: what the parks used and how much of it was their own.
WITH quarters AS ({quarters_of_parks})
SELECT consumption AS consumption_kwh, pv_of_consumption, storage_of_consumption FROM quarters ORDER BY quarter DESC LIMIT 1

-- name: progress
-- One bar a cluster: output since January of the newest year, with the plan's targets.
WITH {outputs}, newest AS (
    SELECT s.cluster, s.year, s.n, s.v, row_number() OVER (PARTITION BY s.cluster ORDER BY s.year DESC, s.n DESC) AS place
    FROM since AS s
    WHERE make_date(s.year, 3 * s.n, 1) < $__timeTo()::timestamptz
)
SELECT p.name AS cluster, n.year || '-Q' || n.n AS quarter, n.v AS output_this_year, p.base_2023, p.target_2025, p.target_2030,
       100 * n.v / p.target_2025 AS progress_2025, 100 * n.v / p.target_2030 AS progress_2030
FROM plan AS p LEFT JOIN newest AS n ON n.cluster = p.cluster AND n.place = 1
ORDER BY p.place
LIMIT 100

-- name: outputs
WITH {outputs}
SELECT make_timestamptz(a.year, 3 * a.n - 2, 1, 0, 0, 0, 'Asia/Shanghai') AS "time", p.name AS metric, a.v AS value
FROM alone AS a JOIN plan AS p USING (cluster)
WHERE {during make_timestamptz(a.year, 3 * a.n - 2, 1, 0, 0, 0, 'Asia/Shanghai')}
ORDER BY 1

-- name: intensities
-- Energy of a cluster's enterprises beside their part of its output; only where at least 90 % of the time is known.
-- indicators: energy_intensity_kwh_per_10k_cny
WITH {outputs}, {cluster_energy}
SELECT make_timestamptz(e.year, 3 * e.n - 2, 1, 0, 0, 0, 'Asia/Shanghai') AS "time", p.name AS metric,
       e.kwh / nullif(a.v * 10000 * e.output_share, 0) AS value
FROM cluster_energy AS e JOIN alone AS a USING (cluster, year, n) JOIN plan AS p USING (cluster)
WHERE e.coverage_pct >= {minimum_coverage}
ORDER BY 1

-- name: cluster_figures
-- Energy and intensity are of the metered enterprises; how much of the cluster's output they make stands beside them.
-- indicators: energy_intensity_kwh_per_10k_cny
WITH {outputs}, {cluster_energy}
SELECT p.name AS cluster, e.year || '-Q' || e.n AS quarter, a.v AS output,
       CASE WHEN e.coverage_pct >= {minimum_coverage} THEN e.kwh END AS energy,
       CASE WHEN e.coverage_pct >= {minimum_coverage} THEN e.kwh / nullif(a.v * 10000 * e.output_share, 0) END
           AS energy_intensity_kwh_per_10k_cny,
       100 * e.stated_share AS output_share_pct, e.coverage_pct
FROM cluster_energy AS e JOIN plan AS p USING (cluster) LEFT JOIN alone AS a USING (cluster, year, n)
ORDER BY e.year DESC, e.n DESC, p.place
LIMIT 200

-- name: own_energy
-- Share of PV and of storage in what the parks consume, by quarter.
WITH quarters AS ({quarters_of_parks})
SELECT quarter AS "time", pv_of_consumption, storage_of_consumption FROM quarters WHERE {during quarter} ORDER BY 1

-- name: sources
-- Where each output was read: file, cell and who states it.
SELECT p.name AS cluster, o.quarter, o.output_100m_cny::float8 AS output, o.revision::float8 AS revision, o.source, o.file, o.cell,
       o.entered_by
FROM cluster_outputs AS o JOIN (SELECT * FROM {plan}) AS p USING (cluster)
ORDER BY o.quarter DESC, p.place
LIMIT 200
