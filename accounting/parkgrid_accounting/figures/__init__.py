"""Figures: indicators of a scope over a period, and what they are computed from."""
