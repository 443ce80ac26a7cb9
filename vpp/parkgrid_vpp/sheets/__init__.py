"""The registry of the pilot as files that people fill in: one workbook, or a folder of CSV files.

file ─▶ reading (cells to documents) ─▶ intake (what is new, all mistakes) ─▶ one write of the ledger
ledger ─▶ writing ─▶ the same tables, which read back to nothing new
"""
