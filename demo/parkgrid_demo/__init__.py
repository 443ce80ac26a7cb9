"""What the demonstration begins with: a year of readings of simulated parks, bills, figures of the clusters."""
