-- What dashboards ask about the store itself.

-- How far the store has got and what waits in it.
CREATE VIEW public.store_progress AS
SELECT relation, newest_at, kept_from FROM base.rollup_progress;

CREATE VIEW public.store_backlog AS
SELECT 'rollup' AS work, count(*) AS entries FROM base.rollup_dirty
UNION ALL
SELECT 'energy', count(*) FROM base.energy_dirty
UNION ALL
SELECT 'declaration', count(*) FROM base.register_dirty;
