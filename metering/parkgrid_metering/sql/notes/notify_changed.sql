SELECT pg_notify('parkgrid_energy', payload) FROM unnest(%(payloads)s::text[]) AS payload
