"""What stored samples amount to: energy intervals with revisions, completeness, figures, bills, closings, traces."""
