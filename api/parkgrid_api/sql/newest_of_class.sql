-- The newest instant of one class in a park.
SELECT (date_part('epoch', max(r.at)) * 1000)::bigint AS at_ms
FROM {relation} r
WHERE r.park_id = %(park_id)s
HAVING count(*) > 0
