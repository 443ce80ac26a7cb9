-- Entries that were issued and are not settled: the first of which this ledger has another one, and the newest.
(
    SELECT i.number, i.digest, i.source, i.noted_at, e.digest AS instead
    FROM public.vpp_issued AS i LEFT JOIN public.vpp_entries AS e USING (number)
    WHERE i.settled_by IS NULL AND e.digest IS DISTINCT FROM i.digest
    ORDER BY e.digest IS NULL, i.number LIMIT 1
)
UNION ALL
(
    SELECT i.number, i.digest, i.source, i.noted_at, e.digest
    FROM public.vpp_issued AS i LEFT JOIN public.vpp_entries AS e USING (number)
    WHERE i.settled_by IS NULL AND e.digest IS DISTINCT FROM i.digest
    ORDER BY i.number DESC LIMIT 1
)
