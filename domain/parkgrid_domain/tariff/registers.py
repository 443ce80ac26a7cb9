"""Which registers a bill counts, by what they mean for it."""

IMPORT = "energy_import_kwh"
REACTIVE = ("reactive_energy_import_kvarh", "reactive_energy_export_kvarh")
"""Reactive energy in both directions is added, since energy sent back burdens the grid as well (1983 rule)."""
METER_CLASSES = ("grid_meter", "meter")
"""An account is metered by its grid meters; only where it has none, by its other meters."""
FEED_IN_REGISTERS = (
    ("charger", "energy_returned_kwh"),
    ("grid_meter", "energy_export_kwh"),
    ("meter", "energy_export_kwh"),
)
