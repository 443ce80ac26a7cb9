SELECT r.register_id, (d.ratings ->> 'register_modulus_kwh')::float8, (d.ratings ->> 'register_ratio')::float8
FROM base.register AS r
JOIN base.device AS d USING (device_id)
WHERE r.register_id = ANY(%(registers)s) AND d.ratings ?| ARRAY['register_modulus_kwh', 'register_ratio']
