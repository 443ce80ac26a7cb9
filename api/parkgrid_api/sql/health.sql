-- The newest migration: proof that the database answers and knows the schema. And why the pilot's ledger takes no entry.
SELECT
    (SELECT count(*) FROM public.schema_migrations) AS migrations,
    CASE
        WHEN EXISTS (SELECT FROM public.vpp_issued WHERE settled_by IS NULL) THEN 'lacking'
        WHEN (SELECT state FROM public.vpp_restores ORDER BY row_number DESC LIMIT 1) = 'restored' THEN 'restored'
        ELSE 'open'
    END AS ledger
