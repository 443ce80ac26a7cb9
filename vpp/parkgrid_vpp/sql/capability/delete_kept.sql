-- The capability that was kept before.
DELETE FROM base.vpp_capability
