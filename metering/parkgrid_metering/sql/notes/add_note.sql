INSERT INTO base.energy_dirty (device_class, devices, slots) VALUES (%(device_class)s, %(devices)s, %(slots)s)
