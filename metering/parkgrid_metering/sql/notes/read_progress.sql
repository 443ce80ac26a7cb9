SELECT park, newest_at FROM base.energy_progress
