SELECT dirty_id, device_class, devices, slots FROM base.energy_dirty
WHERE park_id = %(park_id)s ORDER BY dirty_id LIMIT 5000
