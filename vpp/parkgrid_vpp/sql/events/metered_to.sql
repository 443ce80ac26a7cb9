-- How far the registers of some parks are metered, the foremost of them: the time of a demonstration that is accelerated.
SELECT max(r.settled_to) FROM base.register AS r JOIN base.device AS d USING (device_id) WHERE d.park = ANY(%(parks)s::text[])
