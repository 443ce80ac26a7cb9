    SELECT r.device_id, r.at, r.received_at, r.flags,
           jsonb_strip_nulls(to_jsonb(r))
               - ARRAY['park_id', 'device_id', 'at', 'received_at', 'epoch_id', 'seq', 'flags', 'untrusted']
               || coalesce(r.untrusted, jsonb_build_object()) AS signals
    FROM {relation} r
    WHERE r.park_id = %(park_id)s
