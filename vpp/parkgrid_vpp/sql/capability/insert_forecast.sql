-- A park that the store does not know has no readings and no forecast.
INSERT INTO base.vpp_forecast (park, resource, issued_at, method, start_at, mean_w, scored, mae_w, bias_w, held)
SELECT p.park, %(resource)s, %(issued_at)s, %(method)s, %(start_at)s, %(mean_w)s, %(scored)s, %(mae_w)s, %(bias_w)s, %(held)s
FROM public.parks AS p WHERE p.park = %(park)s
ON CONFLICT DO NOTHING
