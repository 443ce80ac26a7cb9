DELETE FROM base.register_aside WHERE park_id = %(park_id)s AND register_id = ANY(%(registers)s)
