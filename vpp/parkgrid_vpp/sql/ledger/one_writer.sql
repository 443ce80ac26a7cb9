-- Whoever appends has the ledger for itself until its transaction ends: the next number and digest are known then.
SELECT pg_advisory_xact_lock(hashtext('parkgrid.vpp.ledger'), 0)
