"""Grafana as code: dashboards, data source and provisioning."""
