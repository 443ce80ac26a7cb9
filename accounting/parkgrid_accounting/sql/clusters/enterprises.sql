-- The enterprises and their clusters as they are now.
SELECT enterprise, cluster, name_zh, name_en, output_share_pct, source, revision
FROM public.enterprises
ORDER BY enterprise
