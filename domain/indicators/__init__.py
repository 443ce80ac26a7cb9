"""Indicators: one definition each, with formula, unit, inputs, minimum coverage and source."""

from domain.indicators.registry import INDICATORS

__all__ = ["INDICATORS"]
