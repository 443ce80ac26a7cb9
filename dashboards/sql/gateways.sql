-- Every gateway of the park: whether it is there and when it was last heard.
SELECT gateway, online, agent_version, simulated, last_seen_at
FROM gateways
WHERE park = ${park:sqlstring}
ORDER BY online, gateway
