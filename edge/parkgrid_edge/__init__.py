"""The gateway agent: drivers, poller, outbox, uplink. Small enough for a Raspberry Pi."""
