-- Digests of entries that a person gave up: settled, and this ledger has another entry there, or none.
SELECT i.number, i.digest FROM public.vpp_issued AS i
WHERE i.settled_by IS NOT NULL
  AND NOT EXISTS (SELECT FROM public.vpp_entries AS e WHERE e.number = i.number AND e.digest = i.digest)
