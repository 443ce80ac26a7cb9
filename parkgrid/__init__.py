"""The front door: the command line, `up`, `doctor`, `replay`, `bench`. Composition only."""
