SELECT EXISTS (SELECT FROM base.energy_dirty) OR EXISTS (SELECT FROM base.register_dirty)
    OR EXISTS (SELECT FROM base.register_aside WHERE retry_at <= %(now)s)
