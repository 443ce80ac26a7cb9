-- A resource or a place may have the name of an event: what is about an event is told by its kind as well.
SELECT number, kind, subject, at, by, previous, digest, count(*) OVER ()
FROM vpp_entries
WHERE subject = %(event)s
  AND kind IN ('event', 'bid', 'opt_out', 'award', 'frozen', 'adjusted', 'state', 'statement', 'dispute')
ORDER BY number DESC
LIMIT %(limit)s OFFSET %(skip)s
