SELECT number, kind, subject, at, by, previous, digest, document
FROM vpp_entries
WHERE number = %(number)s
