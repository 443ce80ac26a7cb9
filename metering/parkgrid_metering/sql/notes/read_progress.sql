SELECT newest_at FROM base.energy_progress WHERE park_id = %(park_id)s
