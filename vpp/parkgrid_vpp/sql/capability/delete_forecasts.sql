-- Forecasts of a park that are older than is kept.
DELETE FROM base.vpp_forecast WHERE park = ANY(%(parks)s::text[]) AND issued_at < %(before)s
