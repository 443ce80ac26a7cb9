SELECT min(r.at) FROM {relation} r WHERE r.park_id = %(park_id)s AND r.device_id = %(device)s AND r.{signal} IS NOT NULL
