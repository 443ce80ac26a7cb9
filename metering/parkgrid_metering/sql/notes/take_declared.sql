DELETE FROM base.register_dirty RETURNING register_id, from_at, cause, noted_by
