-- The supply agreements of a park that hold on a day; of several for one account the latest agreed.
SELECT DISTINCT ON (s.account) s.account, s.plan_id, s.demand_basis, s.contracted_kw::float8 AS contracted_kw,
       s.capacity_kva::float8 AS capacity_kva, s.valid_from::text AS valid_from, s.valid_to::text AS valid_to
FROM public.supply_agreements s
WHERE s.park = %(park)s AND s.valid_from <= %(day)s AND (s.valid_to IS NULL OR s.valid_to > %(day)s)
ORDER BY s.account, s.agreement_id DESC
