"""Interchange with InfluxDB-compatible stores that a site owns already: export of what is stored, import of series."""
