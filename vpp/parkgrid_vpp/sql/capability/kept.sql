-- From which quarter hour and which entry of the ledger the capability that is kept was computed.
SELECT start_at, entry FROM base.vpp_capability WHERE kind = 'all'
