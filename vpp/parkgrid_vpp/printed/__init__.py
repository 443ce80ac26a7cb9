"""A statement as people read it: a workbook or a PDF, in Chinese or English.

ledger ─▶ telling (names, words, units) ─▶ sections (summary, money, basis) ─▶ statement ─▶ accounting.report.draw
"""
