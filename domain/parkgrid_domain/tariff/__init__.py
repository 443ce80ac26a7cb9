"""Tariff plans, calendars and bills; money is `Decimal` and rounded at the line."""
