-- Where parks lie and which clock they live by.
SELECT park, park_id, district, time_zone, latitude, longitude FROM public.parks WHERE park = ANY (%(parks)s::text[])
