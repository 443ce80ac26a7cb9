"""What a gateway is told of its batches: up to where they are committed."""

from dataclasses import dataclass

from parkgrid_contract.identity import Gateway
from parkgrid_contract.telemetry import Ack, encode_ack
from parkgrid_ingest.bus import Bus
from parkgrid_ingest.metrics import Metrics


@dataclass(slots=True)
class Answers:
    """Acknowledgements to gateways. Belongs to the writer's thread."""

    bus: Bus
    metrics: Metrics

    def publish(self, gateway: Gateway, ack: Ack) -> None:
        """Tell a gateway what it may forget."""
        self.metrics.acks.inc()
        self.bus.publish_ack(gateway, ack.epoch, encode_ack(ack))
