"""Industrial clusters: output, targets, progress, energy intensity."""
