DELETE FROM base.data_gap WHERE register_id = %(register)s AND from_at = ANY(%(starts)s)
