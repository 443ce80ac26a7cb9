"""The only writer of telemetry: consumer, store, migrations, roll-ups, SQL."""
