-- What a database has of the relations that the catalogue asks for.

-- name: columns
SELECT n.nspname || '.' || c.relname, a.attname, format_type(a.atttypid, NULL)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE (n.nspname, c.relkind) IN (('base', 'r'), ('base', 'p'), ('public', 'v')) AND NOT c.relispartition
ORDER BY c.oid, a.attnum;

-- name: keys
SELECT n.nspname || '.' || c.relname, array_agg(a.attname::text ORDER BY k.place)
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
WHERE i.indisprimary AND i.indisvalid AND n.nspname = 'base' AND NOT c.relispartition
GROUP BY n.nspname, c.relname;

-- name: note_step
INSERT INTO base.schema_step (relation, statement, digest) VALUES (%s, %s, %s);
