"""Energy of intervals out of cumulative registers."""
