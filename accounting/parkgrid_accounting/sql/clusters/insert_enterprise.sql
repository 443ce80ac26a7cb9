-- One enterprise; the next revision where there is one.
INSERT INTO base.enterprise (enterprise, revision, cluster, name_zh, name_en, output_share_pct, source, import_id)
SELECT %(enterprise)s, 1 + coalesce(max(e.revision), 0), %(cluster)s, %(name_zh)s, %(name_en)s, %(output_share_pct)s,
       %(source)s, %(import_id)s
FROM base.enterprise AS e
WHERE e.enterprise = %(enterprise)s
