-- How far the energy of parks is metered.
SELECT park, (date_part('epoch', newest_at) * 1000)::int8 AS at_ms FROM public.energy_progress
WHERE park = ANY (%(parks)s::text[])
