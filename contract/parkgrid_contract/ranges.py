"""The range of every number and text of the wire. What lies outside is refused with the value and the range.

    message    field                          range
    birth      agent_version                  text
               epoch                          1 to MAX_EPOCH
               at                             0 to MAX_STAMP_MS
               devices                        0 to MAX_DEVICES, each identifier once
    device     device                         identifier: contract.identity
               class, signals                 names of the catalogue, each signal once
               name, model, firmware,
               problem, point.*               text
               period_s                       MIN_PERIOD_S to MAX_PERIOD_S
               ratings                        0 to MAX_RATINGS, named like identifiers, each within ±MAX_RATING
    status     epoch, at                      as in a birth
    telemetry  epoch                          1 to MAX_EPOCH
               seq, floor                     1 to MAX_SEQ, floor at most seq
               samples, values                as many as MAX_PAYLOAD_BYTES hold
               at                             2000-01-01 to five minutes after receipt: contract.time
               values                         finite; range and resolution of each signal: contract.signals
               flags                          contract.sample.Quality

A text has at most MAX_TEXT characters, none of them a control character or half of a surrogate pair.
"""

import re

from parkgrid_contract.refusal import Reason, RefusedError

MAX_BIRTH_BYTES = 1_048_576
MAX_STATUS_BYTES = 2_000
MAX_PAYLOAD_BYTES = 262_144
"""What ingest decodes of a batch at most; larger is refused before decoding."""
MAX_SEQ = 2**53 - 1
"""What a double holds exactly, and with it every JSON reader."""
MAX_EPOCH = 2**52
"""An epoch is seconds since 1970 times 2^20 plus chance: this is 2106-02-07. Beyond it none would have room."""
MAX_STAMP_MS = 7_258_118_400_000
"""2200-01-01T00:00Z: a gateway may announce itself with a wrong clock, but with one that every reader can show."""
MAX_DEVICES = 1_000
MAX_TEXT = 200
MIN_PERIOD_S = 0.01
MAX_PERIOD_S = 86_400.0
"""A day: the longest interval that energy is metered in."""
MAX_RATINGS = 50
MAX_RATING = 1e9
"""In the unit of the rating's name: a million megawatts, or a register of nine digits."""

_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def whole(value: int, low: int, high: int, where: str) -> int:
    """`value` if it lies in [low, high]. Raises `RefusedError`."""
    if low <= value <= high:
        return value
    raise RefusedError(Reason.OUT_OF_BOUNDS, where, f"{value}, must be {low} to {high}")


def real(value: float, low: float, high: float, where: str) -> float:
    """`value` if it lies in [low, high]. Raises `RefusedError`."""
    if low <= value <= high:
        return value
    raise RefusedError(Reason.OUT_OF_BOUNDS, where, f"{value:g}, must be {low:g} to {high:g}")


def text(value: str, where: str) -> str:
    """`value` if it is a text of the wire. Raises `RefusedError`."""
    problem = text_problem(value)
    if problem is None:
        return value
    raise RefusedError(Reason.TOO_LARGE if len(value) > MAX_TEXT else Reason.NOT_TEXT, where, f"{value!r} {problem}")


def text_problem(value: str) -> str | None:
    """What is wrong with a text, as a remedy; None when nothing is."""
    if len(value) > MAX_TEXT:
        return f"must have at most {MAX_TEXT} characters"
    found = _FORBIDDEN.search(value)
    return None if found is None else f"must not contain the control character U+{ord(found[0]):04X}"
