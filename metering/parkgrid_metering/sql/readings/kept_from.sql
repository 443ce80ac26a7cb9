-- From when on the readings of a class are kept, of those of which older ones are gone.
SELECT r.relation, max(upper(r.spans))
FROM base.removed_span AS r
JOIN base.park AS p USING (park)
WHERE p.park_id = %(park_id)s AND r.relation = ANY(%(classes)s)
GROUP BY r.relation
