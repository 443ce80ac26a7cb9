-- State of charge of every storage system, one row a minute.
SELECT at AS "time", coalesce(nullif(name, ''), device) AS metric, soc_pct AS value
FROM storage_1m JOIN devices USING (device_id)
WHERE park = ${park:sqlstring} AND $__timeFilter(at)
ORDER BY at
