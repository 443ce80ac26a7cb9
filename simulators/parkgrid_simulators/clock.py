"""A clock that stands still until it is told to go on: replay and tests."""


class SteppedClock:
    """Simulated time that moves only by `advance_to`, never backwards."""

    __slots__ = ("_now_ms",)

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self._now_ms

    def advance_to(self, at_ms: int) -> None:
        """Stand at a later instant; an earlier one raises `ValueError`, since no counter may run backwards."""
        if at_ms < self._now_ms:
            raise ValueError(f"cannot go back from {self._now_ms} to {at_ms} ms: open a new clock instead")
        self._now_ms = at_ms
