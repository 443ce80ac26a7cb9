"""Industrial clusters: stated outputs taken in from files, beside their energy."""
