"""Dated numbers: emission factors, coal factors, thresholds, each with its validity, source and honesty marker."""

from parkgrid_domain.factors.reader import FactorError, factors_for, read_factors, region_of

__all__ = ["FactorError", "factors_for", "read_factors", "region_of"]
