INSERT INTO base.register_belief (register_id, at, belief)
SELECT register_id, at, belief
FROM unnest(%(registers)s::int4[], %(instants)s::timestamptz[], %(beliefs)s::jsonb[]) AS b (register_id, at, belief)
ON CONFLICT (register_id, at) DO UPDATE SET belief = excluded.belief
