-- Every forecast of resources that was issued within a span.
SELECT k.resource, f.start_at, f.mean_w
FROM unnest(%(parks)s::text[], %(resources)s::text[]) AS k (park, resource)
JOIN public.vpp_forecasts AS f ON f.park = k.park AND f.resource = k.resource
WHERE f.issued_at >= %(since)s AND f.issued_at < %(until)s
