INSERT INTO base.energy_dirty (park_id, device_class, devices, slots)
VALUES (%(park_id)s, %(device_class)s, %(devices)s, %(slots)s)
