"""Settlement: from the readings that came to the energy of intervals, its revisions and its gaps."""
