-- One stated output; the next revision where there is one.
INSERT INTO base.cluster_output
    (cluster, quarter, revision, basis, output_cny, source, note, import_id, cell, stated, unit)
SELECT %(cluster)s, %(quarter)s, 1 + coalesce(max(o.revision), 0), %(basis)s, %(output_cny)s, %(source)s, %(note)s,
       %(import_id)s, %(cell)s, %(stated)s, %(unit)s
FROM base.cluster_output AS o
WHERE o.cluster = %(cluster)s AND o.quarter = %(quarter)s
