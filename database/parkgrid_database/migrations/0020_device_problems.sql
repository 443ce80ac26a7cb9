-- What keeps a device from being read until a person mends it, as its gateway names it.

ALTER TABLE base.device ADD COLUMN problem text NOT NULL DEFAULT '';

CREATE VIEW public.device_problems AS
SELECT park, gateway, device, device_class, problem FROM base.device WHERE problem <> '' AND NOT retired;
