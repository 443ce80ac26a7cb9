-- What waits in the outboxes: the age of the oldest reading that the store has not acknowledged.
SELECT at AS "time", gateway AS metric, outbox_oldest_s_max AS value
FROM gateway_1m JOIN devices USING (device_id)
WHERE park = ${park:sqlstring} AND $__timeFilter(at)
ORDER BY at
