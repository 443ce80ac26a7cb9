SELECT pg_try_advisory_xact_lock(hashtext('parkgrid.metering'), %(park_id)s)
