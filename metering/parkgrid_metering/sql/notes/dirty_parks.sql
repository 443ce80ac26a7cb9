-- Parks with something to do. What waits is little, and what is done is gone: this does not grow with the parks.
SELECT park_id FROM base.energy_dirty
UNION
SELECT park_id FROM base.register_dirty
UNION
SELECT park_id FROM base.register_aside WHERE retry_at <= %(now)s
ORDER BY park_id
