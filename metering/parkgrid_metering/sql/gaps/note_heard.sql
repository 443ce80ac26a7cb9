-- In order, and last of a round: rounds of other parks that note the same instant wait for each other here.
INSERT INTO base.heard (at)
SELECT n.at FROM unnest(%(instants)s::timestamptz[]) AS n (at)
WHERE NOT EXISTS (SELECT FROM base.heard AS h WHERE h.at = n.at)
ORDER BY n.at
ON CONFLICT (at) DO NOTHING
