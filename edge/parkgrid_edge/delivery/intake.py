"""The door between the poller and the outbox: what comes in is what will be stored, to the last digit."""

import math
from collections.abc import Iterable

import structlog

from parkgrid_contract.sample import Sample
from parkgrid_contract.signals import CATALOGUE, DeviceClass

MOST_SAMPLES = 100_000
"""How many samples may wait for a commit; a disk that stalls must not fill the memory."""
_log = structlog.get_logger("edge.intake")


class Intake:
    """Collects samples between two commits, rounded to the catalogue's resolution."""

    def __init__(self, devices: Iterable[tuple[str, str, frozenset[str]]]) -> None:
        """`devices`: identifier, class, and the signals to report (empty for all)."""
        self._rules: dict[str, tuple[DeviceClass, frozenset[str]]] = {
            device: (CATALOGUE[class_name], signals) for device, class_name, signals in devices
        }
        self._samples: list[Sample] = []
        self._last_ms: dict[str, int] = {}
        self._full = False
        self.refused = 0
        """Samples that were not taken since the last `take_refused`."""

    def __len__(self) -> int:
        return len(self._samples)

    def accept(self, sample: Sample) -> None:
        """Take a sample for the next commit; absent, unknown and non-finite values stay out."""
        rule = self._rules.get(sample.device)
        if rule is None or self._overflows():
            self.refused += 1
            return
        if self._last_ms.get(sample.device) == sample.at_ms:
            # Two readings of one instant would contradict each other at the store.
            self.refused += 1
            return
        device_class, wanted = rule
        values = {
            name: device_class.by_name[name].rounded(value)
            for name, value in sample.values.items()
            if name in device_class.by_name and (not wanted or name in wanted) and math.isfinite(value)
        }
        if not values:
            return
        self._last_ms[sample.device] = sample.at_ms
        flags = {name: quality for name, quality in sample.flags.items() if name in values}
        self._samples.append(Sample(sample.device, sample.at_ms, values, flags))

    def take(self) -> list[Sample]:
        """Everything that came in since the last call."""
        samples, self._samples = self._samples, []
        return samples

    def take_refused(self) -> int:
        """How many samples were not taken since the last call."""
        refused, self.refused = self.refused, 0
        return refused

    def _overflows(self) -> bool:
        full = len(self._samples) >= MOST_SAMPLES
        if full != self._full:
            self._full = full
            _log.error("intake_full" if full else "intake_taking", samples=len(self._samples))
        return full
