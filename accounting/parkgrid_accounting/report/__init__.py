"""Documents that leave the house: tables with their sources, coverage and footnotes, as XLSX, PDF and CSV."""
