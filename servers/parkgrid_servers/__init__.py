"""Servers on this machine: PostgreSQL, an MQTT broker and our own processes, started, kept alive and ended."""
