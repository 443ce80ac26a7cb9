-- How large the ledger of the pilot is, in bytes.
SELECT coalesce(sum(octet_length(document)), 0)::int8 FROM public.vpp_entries
