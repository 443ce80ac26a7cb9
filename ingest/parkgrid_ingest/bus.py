"""The MQTT side as the writer sees it."""

from collections.abc import Sequence
from typing import Protocol

from parkgrid_contract.identity import Gateway
from parkgrid_ingest.inbox import Message


class Bus(Protocol):
    """What the writer needs of the MQTT side."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker that these need not come again."""

    def publish_ack(self, gateway: Gateway, epoch: int, payload: bytes) -> None:
        """Publish a gateway's acknowledgement soon."""

    def flush(self) -> None:
        """Send what `publish_ack` left."""

    def ask_again(self) -> None:
        """Have the broker hand over every retained birth and status once more."""
