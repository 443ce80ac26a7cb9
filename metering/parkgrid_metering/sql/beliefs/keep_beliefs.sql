-- One document with all of them: text and instants one by one would take longer to write down than to store.
INSERT INTO base.register_belief (register_id, at, belief)
SELECT register_id, to_timestamp(at_ms / 1000.0), belief
FROM jsonb_to_recordset(%(beliefs)s::jsonb) AS b (register_id int4, at_ms int8, belief jsonb)
ON CONFLICT (register_id, at) DO UPDATE SET belief = excluded.belief
