-- The last forecast of each resource that was issued by an instant: one search in the primary key each, whatever is stored.
SELECT k.resource, f.issued_at, f.method, f.start_at, f.mean_w, f.scored, f.mae_w, f.bias_w, f.held
FROM unnest(%(parks)s::text[], %(resources)s::text[]) AS k (park, resource)
CROSS JOIN LATERAL (
    SELECT * FROM public.vpp_forecasts AS v
    WHERE v.park = k.park AND v.resource = k.resource AND v.issued_at <= %(now)s AND v.issued_at > %(after)s
    ORDER BY v.issued_at DESC
    LIMIT 1
) AS f
