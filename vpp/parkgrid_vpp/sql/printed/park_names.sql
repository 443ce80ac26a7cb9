-- Names of the parks that have one in both languages.
SELECT park, name_zh, name_en FROM public.parks WHERE name_zh <> '' AND name_en <> ''
