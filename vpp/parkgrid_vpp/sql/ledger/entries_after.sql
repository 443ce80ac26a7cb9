-- The view, so that the login of the api may ask as well. The entry that was followed last comes first, without its
-- document, which may be large: whether it is still there shows a store that was restored.
SELECT number, kind, subject, at, by, CASE WHEN number > %(after)s THEN document END, previous, digest
FROM public.vpp_entries WHERE number >= %(after)s ORDER BY number
