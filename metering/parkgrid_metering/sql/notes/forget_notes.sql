DELETE FROM base.energy_dirty WHERE dirty_id = ANY(%(numbers)s)
