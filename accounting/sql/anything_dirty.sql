SELECT EXISTS (SELECT FROM base.energy_dirty) OR EXISTS (SELECT FROM base.register_dirty)
