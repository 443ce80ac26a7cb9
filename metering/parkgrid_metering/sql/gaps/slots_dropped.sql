SELECT DISTINCT e.gateway, greatest(e.first_received_at, %(low)s), least(n.noted_at, %(high)s)
FROM base.device AS d
JOIN base.gateway_epoch AS e USING (park_id, gateway)
JOIN base.sequence_gap AS n USING (park_id, epoch_id)
WHERE d.park_id = %(park_id)s AND n.cause = 'gateway' AND d.device_id = ANY(%(devices)s)
  AND e.first_received_at < %(high)s AND n.noted_at >= %(low)s
