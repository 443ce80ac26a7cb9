"""How a device fares, as the log tells it: one line when something changes, none for what goes on."""

from dataclasses import dataclass, field

import structlog

from parkgrid_edge.polling.reading import Identity, Reading

TWO_NAMES = "two_names"
_log = structlog.get_logger("edge.poller")


@dataclass(slots=True)
class DeviceState:
    """How one device fares."""

    device: str
    answering: bool | None = None
    """Whether the last visit brought anything; None before the first."""
    last_error: str = ""
    problem: str = ""
    """What keeps it from being read and does not pass by itself, such as `other_transaction`; empty without."""
    polls: int = 0
    """Visits so far."""
    failed: int = 0
    """Visits in a row that brought nothing."""
    identity: Identity = field(default_factory=Identity)

    def note(self, reading: Reading, *, two_names: bool) -> None:
        """Take up what a visit brought. `two_names`: its line is called by another name, too."""
        self.polls += 1
        if reading.failures:
            self.last_error = str(reading.failures[-1])
        if reading.refused:
            _log.warning("registers_left_out", device=self.device, signals=reading.refused, reason=self.last_error)
        if reading.returned:
            _log.info("registers_read_again", device=self.device, signals=reading.returned)
        answering = bool(reading.values)
        self.failed = 0 if answering else self.failed + 1
        news = self._find_problem(reading, two_names=two_names)
        if answering is not self.answering:
            self.answering = answering
            if answering:
                _log.info("device_answers", device=self.device)
            else:
                _log.warning("device_silent", device=self.device, reason=self.last_error, problem=self.problem)
        elif news:
            _log.warning("device_problem", device=self.device, reason=self.last_error, problem=self.problem)

    def _find_problem(self, reading: Reading, *, two_names: bool) -> bool:
        """Name what a person has to mend; whether that is another name than before. It stays while nothing answers."""
        before = self.problem
        named = [error.problem for error in reading.failures if error.problem]
        if named:
            self.problem = named[-1]
        elif reading.values:
            self.problem = TWO_NAMES if two_names else ""
        return bool(named) and self.problem != before
