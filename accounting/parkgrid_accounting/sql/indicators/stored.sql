-- Stored energy at the edges of a grid: the mean of what was read within a reading's distance on both sides of each.
SELECT s.device_id, (s.at_ms + s.near_ms - %(start_ms)s) / %(period_ms)s AS edge, avg(s.stored_kwh) AS stored_kwh
FROM (
    SELECT r.device_id, (date_part('epoch', r.at) * 1000)::int8 AS at_ms,
        coalesce(r.stored_energy_kwh, r.soc_pct / 100 * (d.ratings ->> 'capacity_kwh')::float8) AS stored_kwh,
        least(ceil(d.period_s / 60) * 60000, %(period_ms)s / 2)::int8 AS near_ms
    FROM unnest(%(parks)s::int4[], %(devices)s::int4[]) AS w (park_id, device_id)
    JOIN public.storage_1m AS r USING (park_id, device_id)
    JOIN public.devices AS d USING (park_id, device_id)
    WHERE (%(park_id)s::int4 IS NULL OR r.park_id = %(park_id)s) AND r.at >= %(from)s AND r.at < %(to)s
) AS s
WHERE s.stored_kwh IS NOT NULL
  AND s.at_ms + s.near_ms >= %(start_ms)s AND s.at_ms - s.near_ms <= %(stop_ms)s
  AND (s.at_ms + s.near_ms - %(start_ms)s) %% %(period_ms)s < 2 * s.near_ms
GROUP BY s.device_id, edge
