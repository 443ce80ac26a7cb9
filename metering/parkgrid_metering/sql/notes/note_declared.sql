INSERT INTO base.register_dirty (park_id, register_id, from_at, cause, noted_by)
VALUES (%(park_id)s, %(register)s, %(from)s, %(cause)s, %(by)s)
