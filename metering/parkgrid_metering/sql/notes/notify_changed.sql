SELECT pg_notify('parkgrid_energy', %(payload)s)
