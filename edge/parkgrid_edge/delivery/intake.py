"""Between the poller and the outbox: samples are taken exactly as they will be stored."""

from collections.abc import Iterable

import structlog

from parkgrid_contract.sample import Sample
from parkgrid_contract.signals import CATALOGUE

MOST_SAMPLES = 100_000
"""How many samples may wait for a commit; a disk that stalls must not fill the memory."""
_log = structlog.get_logger("edge.intake")


class Intake:
    """Collects samples between two commits, of the signals that are to be reported."""

    def __init__(self, devices: Iterable[tuple[str, str, frozenset[str]]]) -> None:
        """`devices`: identifier, class, and the signals to report (empty for all)."""
        self._reported = {
            device: frozenset(CATALOGUE[name].by_name) & (signals or CATALOGUE[name].by_name.keys())
            for device, name, signals in devices
        }
        self._samples: list[Sample] = []
        self._last_ms: dict[str, int] = {}
        self._full = False
        self.refused = 0
        """Samples that were not taken since the last `take_refused`."""

    def __len__(self) -> int:
        return len(self._samples)

    def accept(self, sample: Sample) -> None:
        """Take a sample, as `measured` makes it, for the next commit, without signals that are not to be reported."""
        reported = self._reported.get(sample.device)
        if reported is None or self._overflows():
            self.refused += 1
            return
        if self._last_ms.get(sample.device) == sample.at_ms:
            # Two readings of one instant would be a conflict in the store.
            self.refused += 1
            return
        if not sample.values.keys() <= reported:
            values = {name: value for name, value in sample.values.items() if name in reported}
            flags = {name: quality for name, quality in sample.flags.items() if name in values}
            sample = Sample(sample.device, sample.at_ms, values, flags)
        if not sample.values:
            return
        self._last_ms[sample.device] = sample.at_ms
        self._samples.append(sample)

    def take(self) -> list[Sample]:
        """All samples since the last call."""
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
