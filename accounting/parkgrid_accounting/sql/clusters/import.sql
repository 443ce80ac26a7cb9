-- The same file, if it was taken in before.
SELECT file, figures, entered_by, entered_at
FROM public.cluster_imports
WHERE kind = %(kind)s AND file_digest = %(file_digest)s
