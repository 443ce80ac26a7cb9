SELECT device_id, at, {power}, {lowest}, {highest} FROM public.{view}
WHERE device_id = ANY(%(devices)s) AND at >= %(start)s AND at < %(stop)s AND {power} IS NOT NULL
