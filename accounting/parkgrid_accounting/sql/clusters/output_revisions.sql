-- Every figure that was ever stated for one cluster, or for all, in order.
SELECT cluster, quarter, revision, basis, output_100m_cny, source, note, cell, stated, unit, file, file_digest, entered_by,
       entered_at, current
FROM public.cluster_output_revisions
WHERE %(cluster)s::text IS NULL OR cluster = %(cluster)s
ORDER BY cluster, quarter, revision
