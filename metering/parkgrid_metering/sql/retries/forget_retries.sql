DELETE FROM base.register_aside WHERE register_id = ANY(%(registers)s)
