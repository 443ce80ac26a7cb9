SELECT pg_advisory_xact_lock(hashtext('parkgrid.metering'), %(park_id)s)
