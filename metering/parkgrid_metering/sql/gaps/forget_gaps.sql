DELETE FROM base.data_gap WHERE park_id = %(park_id)s AND register_id = %(register)s AND from_at = ANY(%(starts)s)
