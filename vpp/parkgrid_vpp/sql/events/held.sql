-- What registers hold of a stretch, as four numbers that change whenever one of its intervals or findings does.
WITH named AS (
    SELECT r.register_id FROM base.register AS r JOIN base.device AS d USING (device_id)
    WHERE d.park || '/' || d.gateway || '/' || d.device || '/' || r.signal = ANY(%(registers)s::text[])
), rows AS (
    SELECT i.revision FROM named AS n
    CROSS JOIN LATERAL (
        SELECT revision FROM base.interval_energy
        WHERE register_id = n.register_id AND at >= %(start)s AND at < %(stop)s
    ) AS i
), found AS (
    SELECT f.at FROM public.register_findings AS f JOIN named USING (register_id)
    WHERE f.at >= %(start)s AND f.from_at < %(stop)s
)
SELECT (SELECT count(*) FROM rows), (SELECT sum(revision) FROM rows), (SELECT count(*) FROM found), (SELECT max(at) FROM found)
