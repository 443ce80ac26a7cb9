-- What is in the ledger needs no note; what was settled is not opened again.
INSERT INTO base.vpp_issued (number, digest, source)
SELECT n.number, n.digest, %(source)s
FROM unnest(%(numbers)s::int8[], %(digests)s::text[]) AS n (number, digest)
WHERE NOT EXISTS (SELECT FROM base.vpp_entry AS e WHERE e.number = n.number AND e.digest = n.digest)
ON CONFLICT DO NOTHING
