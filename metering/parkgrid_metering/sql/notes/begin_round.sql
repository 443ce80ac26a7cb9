-- For this transaction alone: UTC, no compiling of short statements, a group of readings packed in memory and not through
-- files. A crash takes a whole end of the log: notes go with the rows that came of them, so nothing is lost by that.
SELECT
    pg_try_advisory_xact_lock(hashtext('parkgrid.metering'), %(park_id)s),
    set_config('timezone', 'UTC', true), set_config('jit', 'off', true), set_config('work_mem', '128MB', true),
    set_config('synchronous_commit', 'off', true)
