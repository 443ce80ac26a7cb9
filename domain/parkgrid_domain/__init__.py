"""The rules: pure functions without I/O."""
