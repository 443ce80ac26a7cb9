UPDATE base.register SET method = 'power' WHERE register_id = ANY(%(registers)s::int4[])
