"""Indicators: one definition each, with formula, unit, inputs, minimum coverage and source."""
