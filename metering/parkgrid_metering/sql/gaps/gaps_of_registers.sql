SELECT register_id, from_at, to_at, cause FROM base.data_gap
WHERE park_id = %(park_id)s AND register_id = ANY(%(registers)s) AND from_at <= %(high)s AND to_at >= %(low)s
