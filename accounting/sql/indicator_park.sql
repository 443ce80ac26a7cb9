-- Where a park lies and which clock it lives by.
SELECT district, time_zone FROM public.parks WHERE park = %(park)s
