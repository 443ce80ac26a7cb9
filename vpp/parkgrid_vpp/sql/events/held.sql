-- What registers of a park hold of a stretch, as four numbers that change whenever one of its intervals or findings does.
WITH named AS (
    SELECT r.register_id
    FROM unnest(%(gateways)s::text[], %(devices)s::text[], %(signals)s::text[]) AS a (gateway, device, signal)
    JOIN public.registers AS r USING (gateway, device, signal)
    WHERE r.park_id = %(park_id)s
), rows AS (
    SELECT i.revision FROM named AS n
    CROSS JOIN LATERAL (
        SELECT revision FROM base.interval_energy
        WHERE park_id = %(park_id)s AND register_id = n.register_id AND at >= %(start)s AND at < %(stop)s
    ) AS i
), found AS (
    SELECT f.at FROM public.register_findings AS f JOIN named USING (register_id)
    WHERE f.park_id = %(park_id)s AND f.at >= %(start)s AND f.from_at < %(stop)s
)
SELECT (SELECT count(*) FROM rows), (SELECT sum(revision) FROM rows), (SELECT count(*) FROM found), (SELECT max(at) FROM found)
