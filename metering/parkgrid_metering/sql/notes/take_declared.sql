DELETE FROM base.register_dirty WHERE park_id = %(park_id)s RETURNING register_id, from_at, cause, noted_by
