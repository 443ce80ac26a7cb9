"""The shared language of parkgrid: signals, samples, the wire, topics, commands, time. Standard library only."""
