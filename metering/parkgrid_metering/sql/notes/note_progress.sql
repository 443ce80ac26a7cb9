INSERT INTO base.energy_progress (park_id, newest_at) VALUES (%(park_id)s, %(newest)s)
ON CONFLICT (park_id) DO UPDATE SET newest_at = greatest(energy_progress.newest_at, excluded.newest_at)
RETURNING newest_at
