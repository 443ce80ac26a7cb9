"""Files of tables: bounded reading of XLSX and CSV."""
