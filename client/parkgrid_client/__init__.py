"""The answers of the HTTP API as pandas frames: `from parkgrid_client import Client`."""

from parkgrid_client.client import Client, ClientError

__all__ = ["Client", "ClientError"]
