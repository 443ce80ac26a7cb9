-- The newest migration: proof that the database answers and knows the schema.
SELECT count(*) AS migrations FROM public.schema_migrations
