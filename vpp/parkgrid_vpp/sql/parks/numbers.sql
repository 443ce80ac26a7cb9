-- The numbers of parks, by name.
SELECT park, park_id FROM public.parks WHERE park = ANY(%(parks)s::text[]) ORDER BY park_id
