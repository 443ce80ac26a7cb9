SELECT number, digest, source FROM public.vpp_issued WHERE settled_by IS NULL ORDER BY number, digest
