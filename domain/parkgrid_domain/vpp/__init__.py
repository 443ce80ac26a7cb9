"""The rules of the virtual power plant pilot: capability, baselines, events, settlement. Pure functions without I/O.

Settlement is money between parties. Every amount is a `Decimal`, every energy whole watt-hours, and every rule of a
market comes from a dated data file, the settlement pack, with its source and its status.
"""
