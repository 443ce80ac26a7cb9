SELECT device_id, at, {power} FROM public.{view}
WHERE park_id = %(park_id)s AND device_id = ANY(%(devices)s) AND at >= %(start)s AND at < %(stop)s AND {power} IS NOT NULL
