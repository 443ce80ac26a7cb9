"""Drivers of ABB devices for parkgrid."""
