    SELECT r.park_id, r.device_id, r.at, r.received_at, r.flags, r.active_power_kw, {soc_pct} AS soc_pct, r.untrusted
    FROM {relation} r
