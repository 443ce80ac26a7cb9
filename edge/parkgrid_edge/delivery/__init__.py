"""From an accepted reading to the store's acknowledgement: intake, outbox, window, uplink."""
