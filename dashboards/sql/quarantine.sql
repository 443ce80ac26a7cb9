-- What was refused, and why.
SELECT max(received_at) AS last_at, gateway, coalesce(device, '') AS device, reason,
       sum(occurrences)::bigint AS occurrences, max(location) AS location
FROM quarantine
WHERE park = ${park:sqlstring} AND $__timeFilter(received_at)
GROUP BY gateway, device, reason
ORDER BY last_at DESC
LIMIT 200
