DELETE FROM base.energy_dirty
WHERE park_id = %(park_id)s AND dirty_id IN (
    SELECT dirty_id FROM base.energy_dirty WHERE park_id = %(park_id)s ORDER BY dirty_id LIMIT %(most)s
)
RETURNING device_class, devices, slots
