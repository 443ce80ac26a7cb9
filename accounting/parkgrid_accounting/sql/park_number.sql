SELECT park_id FROM public.parks WHERE park = %(park)s
