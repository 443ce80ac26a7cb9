INSERT INTO base.register_dirty (register_id, from_at, cause, noted_by) VALUES (%(register)s, %(from)s, %(cause)s, %(by)s)
