SELECT number, kind, subject, at, by, previous, digest
FROM vpp_entries
WHERE number > %(after)s
ORDER BY number
LIMIT %(limit)s
