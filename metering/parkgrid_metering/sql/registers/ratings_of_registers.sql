SELECT r.register_id,
    CASE jsonb_typeof(d.ratings -> 'register_modulus_kwh') WHEN 'number'
        THEN least((d.ratings ->> 'register_modulus_kwh')::numeric, 1e12) END::float8,
    CASE jsonb_typeof(d.ratings -> 'register_ratio') WHEN 'number'
        THEN least((d.ratings ->> 'register_ratio')::numeric, 1e12) END::float8
FROM base.register AS r
JOIN base.device AS d USING (park_id, device_id)
WHERE r.park_id = %(park_id)s AND r.register_id = ANY(%(registers)s)
  AND d.ratings ?| ARRAY['register_modulus_kwh', 'register_ratio']
