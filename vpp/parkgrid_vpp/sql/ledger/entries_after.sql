-- The view, so that the login of the api may ask as well.
SELECT number, kind, subject, at, by, document, previous, digest
FROM public.vpp_entries WHERE number > %(after)s ORDER BY number
