SELECT pg_advisory_xact_lock(hashtext('parkgrid.settle'), 0)
