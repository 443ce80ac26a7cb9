"""One contract, two stores: TimescaleDB and plain PostgreSQL."""
