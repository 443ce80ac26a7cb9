UPDATE base.register SET method = 'power' WHERE park_id = %(park_id)s AND register_id = ANY(%(registers)s::int4[])
