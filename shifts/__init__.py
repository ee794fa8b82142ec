"""Work: shifts, stints, platform income and metrics."""
