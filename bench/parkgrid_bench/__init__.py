"""`parkgrid bench`: the figures that the project promises, as ratios taken in one run with the answers checked."""
