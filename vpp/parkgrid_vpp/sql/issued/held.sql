-- Whether a restore holds the ledger.
SELECT told, at FROM public.vpp_restores WHERE row_number = (SELECT max(row_number) FROM public.vpp_restores) AND state = 'restored'
