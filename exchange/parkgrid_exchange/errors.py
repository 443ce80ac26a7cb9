"""What can go wrong with an InfluxDB-compatible store."""


class InfluxError(Exception):
    """Export or import cannot go on; the message says why and what to do."""
