-- How far the registers of some parks are metered, the foremost of them: the time of a demonstration that is accelerated.
SELECT max(r.settled_to) FROM base.register AS r JOIN base.park AS p USING (park_id) WHERE p.park = ANY(%(parks)s::text[])
