SELECT digest FROM public.vpp_entries WHERE number = %(number)s
