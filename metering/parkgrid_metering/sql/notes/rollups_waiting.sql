SELECT count(*), min(dirty_id) FROM base.rollup_dirty
