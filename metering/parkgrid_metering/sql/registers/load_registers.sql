SELECT
    r.register_id, r.device_id, d.device_class, r.signal, d.park, r.period_s, r.method,
    -- whatever is stored is borne: contract/parkgrid_contract/ranges.py
    least(greatest(d.period_s, 0.01), 86400)::float8, p.time_zone, r.settled_to,
    CASE jsonb_typeof(d.ratings -> 'rated_power_kw') WHEN 'number'
        THEN least((d.ratings ->> 'rated_power_kw')::numeric, 1e9) END::float8,
    -- a simulated gateway that is born far from the present lives on a time of its own: nothing is late there
    b.simulated AND b.received_at > b.birth_at + INTERVAL '1 day' AS own_time,
    -- whether the counter is announced, and power by which it can be replaced while it does not answer
    r.signal = ANY (d.signals), %(power)s = ANY (d.signals), r.counted_from, r.sought_from,
    -- from when on readings of its class are kept, of a park that lost older ones
    upper(g.spans), p.latitude, p.longitude
FROM base.register AS r
JOIN base.device AS d USING (park_id, device_id)
JOIN base.gateway_birth AS b USING (park, gateway)
JOIN base.park AS p USING (park_id)
LEFT JOIN base.removed_span AS g ON g.park = d.park AND g.relation = d.device_class
WHERE r.park_id = %(park_id)s
ORDER BY r.register_id
