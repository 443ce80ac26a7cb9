-- The accounts of a cluster's enterprises.
SELECT DISTINCT a.park, a.account
FROM public.enterprise_accounts a
JOIN public.enterprises e USING (enterprise)
WHERE e.cluster = %(cluster)s
