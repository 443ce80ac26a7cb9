-- Where a park lies and which clock it lives by.
SELECT district, time_zone, latitude, longitude FROM public.parks WHERE park = %(park)s
