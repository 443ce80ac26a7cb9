"""The report of a quarter or a year of the pilot, for the bureau: energy, verdicts, money, funnel, disputes, accuracy.

ledger ─▶ telling (which events, which statements) ─▶ sections ─▶ report ─▶ accounting.report.draw
"""
