"""Bills: who is supplied how, what a month costs, and months that are closed."""
