SELECT register_id, from_at, cause, noted_by FROM base.register_aside
WHERE park_id = %(park_id)s AND retry_at <= %(now)s ORDER BY register_id
