"""Indicators: one definition each, with formula, unit, inputs, minimum coverage and source."""

from parkgrid_domain.indicators.registry import INDICATORS

__all__ = ["INDICATORS"]
