DELETE FROM base.energy_dirty WHERE park_id = %(park_id)s AND dirty_id = ANY(%(numbers)s)
