-- Which part of which account is whose, as it is now, for every month.
SELECT park, account, enterprise, valid_from, valid_to, share_pct, source, revision
FROM public.enterprise_accounts
ORDER BY park, account, enterprise, valid_from
