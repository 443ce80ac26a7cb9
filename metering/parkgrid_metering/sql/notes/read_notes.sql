SELECT dirty_id, device_class, devices, slots FROM base.energy_dirty ORDER BY dirty_id LIMIT 5000
