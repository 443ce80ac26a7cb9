SELECT register_id, from_at, cause, noted_by FROM base.register_aside WHERE retry_at <= %(now)s ORDER BY register_id
