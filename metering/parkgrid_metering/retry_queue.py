"""Registers whose readings cannot be computed: set aside with the reason, tried again later, in nobody's way."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from parkgrid_contract.time import from_ms, to_ms
from parkgrid_domain.energy import Metered, Readings, RegisterRule
from parkgrid_metering.computing import of_part
from parkgrid_metering.parks import Park
from parkgrid_metering.revisions import Author
from parkgrid_metering.work import Window

RETRY_FIRST_S = 60
"""After the first failure; doubled with each further one."""
RETRY_MOST_S = 3_600
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Failure:
    """One register that could not be computed."""

    register_id: int
    from_ms: int
    """Start of what was to be computed."""
    author: Author
    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a register that was set aside is tried again for."""

    register_id: int
    from_ms: int
    author: Author


Compute = Callable[[Readings, Sequence[Window], Sequence[RegisterRule]], Metered]


def apart(
    compute: Compute, windows: Sequence[Window], given: Readings, rules: Sequence[RegisterRule]
) -> Iterator[tuple[Sequence[Window], Readings, Metered | Failure]]:
    """Compute registers together; where that fails, in ever smaller parts, until only those fail that cause it."""
    try:
        made: Metered | Failure = compute(given, windows, rules)
    except Exception as error:  # noqa: BLE001 - whatever it is that one register does, the others are computed
        if len(windows) > 1:
            middle = len(windows) // 2
            bound = int(np.searchsorted(given.register, middle))
            yield from apart(compute, windows[:middle], of_part(given, slice(0, bound), 0), rules[:middle])
            yield from apart(compute, windows[middle:], of_part(given, slice(bound, None), middle), rules[middle:])
            return
        made = _failure(windows[0], error)
    yield windows, given, made


def _failure(window: Window, error: Exception) -> Failure:
    reason = f"{type(error).__name__}: {error}"[:_LONGEST_REASON].replace("\0", "")
    return Failure(window.span.register.register_id, window.begin_ms, window.span.author, reason)


def due(park: Park, now_ms: int) -> list[Waiting]:
    """Those whose time to be tried again has come."""
    rows = park.execute("retries/retries_due", {"now": from_ms(now_ms)})
    return [Waiting(number, to_ms(from_at), Author(cause, by)) for number, from_at, cause, by in rows]


def of_each(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """One failure a register, the one that begins first: several of its spans may have failed."""
    ordered = sorted(failures, key=lambda failure: failure.from_ms, reverse=True)
    return tuple({failure.register_id: failure for failure in ordered}.values())


def keep(park: Park, failures: Sequence[Failure], tried: Iterable[Waiting], now_ms: int) -> None:
    """Set aside what failed, and forget those who were tried again and came through."""
    failed = {failure.register_id for failure in failures}
    through = [waiting.register_id for waiting in tried if waiting.register_id not in failed]
    if through:
        park.execute("retries/forget_retries", {"registers": through})
    for failure in failures:
        values = {
            "register": failure.register_id,
            "from": from_ms(failure.from_ms),
            "reason": failure.reason,
            "cause": failure.author.cause,
            "by": failure.author.by,
            "now": from_ms(now_ms),
            "first_s": RETRY_FIRST_S,
            "most_s": RETRY_MOST_S,
        }
        park.execute("retries/keep_retries", values)
