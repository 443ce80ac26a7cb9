SELECT number, digest FROM public.vpp_entries WHERE number >= %(first)s ORDER BY number
