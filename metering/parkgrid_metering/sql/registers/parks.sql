SELECT park_id FROM public.parks WHERE %(park)s = '' OR park = %(park)s
