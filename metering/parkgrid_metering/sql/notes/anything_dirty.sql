SELECT EXISTS (SELECT FROM base.energy_dirty WHERE park_id = %(park_id)s)
    OR EXISTS (SELECT FROM base.register_dirty WHERE park_id = %(park_id)s)
    OR EXISTS (SELECT FROM base.register_aside WHERE park_id = %(park_id)s AND retry_at <= %(now)s)
