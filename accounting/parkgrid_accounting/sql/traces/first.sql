SELECT min(r.at) FROM {relation} r WHERE r.device_id = %(device)s AND r.{signal} IS NOT NULL
