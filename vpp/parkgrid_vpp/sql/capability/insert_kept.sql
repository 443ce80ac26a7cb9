-- The capability of the pool, of a park or of a transformer.
INSERT INTO base.vpp_capability (
    kind, id, computed_at, entry, start_at, up_w, up_min, up_limit, down_w, down_min, down_limit
) VALUES (
    %(kind)s, %(id)s, %(computed_at)s, %(entry)s, %(start_at)s, %(up_w)s, %(up_min)s, %(up_limit)s, %(down_w)s,
    %(down_min)s, %(down_limit)s
)
