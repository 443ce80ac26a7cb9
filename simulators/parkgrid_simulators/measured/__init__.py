"""Measured data as its owner has it: a mapping says what the columns of CSV files mean, a loader reads and checks them.

mapping.toml ─▶ mapping (checked whole) ─┐
├─▶ loading ─▶ series of every device ─▶ replay, import
*.csv ─▶ files (rows, instants, numbers) ┘
"""
