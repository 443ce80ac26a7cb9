INSERT INTO base.energy_progress (park, newest_at)
SELECT * FROM unnest(%(parks)s::text[], %(newest)s::timestamptz[])
ON CONFLICT (park) DO UPDATE SET newest_at = greatest(energy_progress.newest_at, excluded.newest_at)
