"""Grafana as code: dashboards, data source and provisioning."""

from parkgrid_contract.extras import extra

with extra("parkgrid[grafana]"):
    import grafana_foundation_sdk  # noqa: F401  (nothing here does without it)
