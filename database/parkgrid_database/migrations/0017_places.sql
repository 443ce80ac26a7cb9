-- Where a park lies: what irradiance is possible there, and when it is night, follows from the place of the sun.

ALTER TABLE base.park
    ADD COLUMN IF NOT EXISTS latitude float8 CHECK (latitude BETWEEN -90 AND 90),
    ADD COLUMN IF NOT EXISTS longitude float8 CHECK (longitude BETWEEN -180 AND 180),
    ADD CONSTRAINT park_place CHECK ((latitude IS NULL) = (longitude IS NULL));

CREATE OR REPLACE VIEW public.parks AS
SELECT park, district, name_zh, name_en, time_zone, latitude, longitude FROM base.park;
