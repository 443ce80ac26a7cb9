"""The address of every published figure: what a report prints, an answer carries and `parkgrid trace` follows.

    interval/{park}/{gateway}/{device}/{signal}/{start}     one interval of one register, named by its start
    session/{park}/{gateway}/{device}/{start}               one charging session, named by its start
    indicator/{park}/{name}/{period}                        one figure of a park
    indicator/{park}/{gateway}/{device}/{name}/{period}     … of one device
    indicator/{park}/transformer={transformer}/{name}/{period}   … of a line, a transformer district or an account
    bill/{park}/{account}/{month}/{line}                    one line of a bill
    cluster/{cluster}/{figure}/{period}                     one figure of an industrial cluster

Each may end in `@{revision}`: a former value. Text that people chose (accounts, lines) is percent-encoded, so that an
address is one word and a path.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import quote, unquote

from parkgrid_contract.identity import IDENTIFIER
from parkgrid_contract.time import BEYOND_MS, OLDEST_MS, from_ms, to_ms
from parkgrid_domain.period import Period, period

_REVISION = re.compile(r"[1-9][0-9]{0,8}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_DOTTED = re.compile(r"[a-z0-9][a-z0-9_.-]{0,127}")
_CHOSEN = "-._~"
"""Signs of a text that people chose which stand for themselves; every other is percent-encoded."""
_LONGEST = 1_000
PLACES = ("gateway", "line", "transformer", "account")
"""What an indicator can be narrowed to besides a device."""
FORMS = {
    "interval": "interval/{park}/{gateway}/{device}/{signal}/{start, for example 2026-11-23T00:00:00Z}",
    "session": "session/{park}/{gateway}/{device}/{start, for example 2026-11-23T04:00:00Z}",
    "indicator": "indicator/{park}/{name}/{period} or indicator/{park}/{gateway}/{device}/{name}/{period}",
    "bill": "bill/{park}/{account}/{month, for example 2026-11}/{line}",
    "cluster": "cluster/{cluster}/{figure}/{period}",
}


class AddressError(ValueError):
    """A text that addresses no figure, with what is wrong and how it is written."""


@dataclass(frozen=True, slots=True)
class IntervalAddress:
    """One interval of one register."""

    park: str
    gateway: str
    device: str
    signal: str
    start_ms: int
    """Its start: milliseconds since the epoch."""
    revision: int | None = None

    def __str__(self) -> str:
        """The address as it is written, the start in UTC."""
        path = ("interval", self.park, self.gateway, self.device, self.signal, _instant(self.start_ms))
        return _written(path, self.revision)


@dataclass(frozen=True, slots=True)
class SessionAddress:
    """One charging session; it is always told from the intervals as they are now."""

    park: str
    gateway: str
    device: str
    start_ms: int
    """Its start: milliseconds since the epoch."""

    def __str__(self) -> str:
        """The address as it is written, the start in UTC."""
        return _written(("session", self.park, self.gateway, self.device, _instant(self.start_ms)), None)


@dataclass(frozen=True, slots=True)
class IndicatorAddress:
    """One indicator of a park, of one device, or of one place in the grid."""

    park: str
    name: str
    period: Period
    gateway: str | None = None
    device: str | None = None
    line: str | None = None
    transformer: str | None = None
    account: str | None = None
    revision: int | None = None

    def __str__(self) -> str:
        """The address as it is written."""
        place: tuple[str, ...] = ()
        if self.device is not None:
            place = (self.gateway or "", self.device)
        else:
            held = [(name, getattr(self, name)) for name in PLACES]
            place = tuple(f"{name}={quote(value, safe=_CHOSEN)}" for name, value in held if value is not None)
        return _written(("indicator", self.park, *place, self.name, self.period.text), self.revision)


@dataclass(frozen=True, slots=True)
class BillAddress:
    """One line of the bill of an account for a month."""

    park: str
    account: str
    month: Period
    line: str
    revision: int | None = None

    def __str__(self) -> str:
        """The address as it is written."""
        account, line = (quote(text, safe=_CHOSEN) for text in (self.account, self.line))
        return _written(("bill", self.park, account, self.month.text, line), self.revision)


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """One figure of an industrial cluster."""

    cluster: str
    figure: str
    period: Period
    revision: int | None = None

    def __str__(self) -> str:
        """The address as it is written."""
        return _written(("cluster", self.cluster, self.figure, self.period.text), self.revision)


Address: TypeAlias = IntervalAddress | SessionAddress | IndicatorAddress | BillAddress | ClusterAddress


def parse(text: str) -> Address:
    """The address that a text states; `AddressError` says what is wrong with any other."""
    if len(text) > _LONGEST:
        raise AddressError(f"an address has at most {_LONGEST} characters, this has {len(text)}")
    path, revision = _split(text)
    kind, *parts = path.split("/")
    if any(not part for part in parts):
        raise AddressError(f"{text!r} has an empty part between its slashes; {_form(kind)}")
    match kind:
        case "interval":
            return _interval(text, parts, revision)
        case "session":
            return _session(text, parts, revision)
        case "indicator":
            return _indicator(text, parts, revision)
        case "bill":
            return _bill(text, parts, revision)
        case "cluster":
            return _cluster(text, parts, revision)
    raise AddressError(f"{kind!r} is not a kind of figure; an address starts with one of {', '.join(FORMS)}")


def _split(text: str) -> tuple[str, int | None]:
    path, mark, revision = text.partition("@")
    if not mark:
        return path, None
    if not _REVISION.fullmatch(revision):
        raise AddressError(f"{revision!r} is not a revision: write @1 for the first value, @2 for the next")
    return path, int(revision)


def _interval(text: str, parts: list[str], revision: int | None) -> IntervalAddress:
    park, gateway, device, signal, start = _counted(text, "interval", parts, 5)
    return IntervalAddress(
        _identifier("park", park),
        _identifier("gateway", gateway),
        _identifier("device", device),
        _identifier("signal", signal),
        _instant_ms(start),
        revision,
    )


def _session(text: str, parts: list[str], revision: int | None) -> SessionAddress:
    park, gateway, device, start = _counted(text, "session", parts, 4)
    if revision is not None:
        raise AddressError(f"{text!r}: a session has no revisions; earlier values are kept for its intervals")
    return SessionAddress(
        _identifier("park", park), _identifier("gateway", gateway), _identifier("device", device), _instant_ms(start)
    )


def _indicator(text: str, parts: list[str], revision: int | None) -> IndicatorAddress:
    park, *place, name, span = parts if len(parts) in {3, 4, 5} else _counted(text, "indicator", parts, 3)
    _identifier("park", park)
    if not _DOTTED.fullmatch(name):
        raise AddressError(f"{name!r} is not the name of an indicator; see /api/v1/indicators")
    found = IndicatorAddress(park, name, _period(span), revision=revision)
    if not place:
        return found
    if len(place) == 1:
        return _at_place(found, place[0])
    gateway, device = place
    return replace(found, gateway=_identifier("gateway", gateway), device=_identifier("device", device))


def _at_place(address: IndicatorAddress, part: str) -> IndicatorAddress:
    name, _, value = part.partition("=")
    match name:
        case "gateway":
            return replace(address, gateway=_identifier(name, value))
        case "line":
            return replace(address, line=_chosen(name, value))
        case "transformer":
            return replace(address, transformer=_chosen(name, value))
        case "account":
            return replace(address, account=_chosen(name, value))
    raise AddressError(f"{part!r} is not a place: write one of {', '.join(f'{place}=…' for place in PLACES)}")


def _bill(text: str, parts: list[str], revision: int | None) -> BillAddress:
    park, account, month, line = _counted(text, "bill", parts, 4)
    if not _MONTH.fullmatch(month):
        raise AddressError(f"{month!r} is not a month: a bill is for a month such as 2026-11")
    return BillAddress(
        _identifier("park", park), _chosen("account", account), _period(month), _chosen("line", line), revision
    )


def _cluster(text: str, parts: list[str], revision: int | None) -> ClusterAddress:
    cluster, figure, span = _counted(text, "cluster", parts, 3)
    return ClusterAddress(_identifier("cluster", cluster), _identifier("figure", figure), _period(span), revision)


def _counted(text: str, kind: str, parts: list[str], count: int) -> list[str]:
    if len(parts) != count:
        raise AddressError(f"{text!r} has {len(parts)} parts after {kind!r}; {_form(kind)}")
    return parts


def _form(kind: str) -> str:
    return f"it is written {FORMS[kind]}" if kind in FORMS else f"it starts with one of {', '.join(FORMS)}"


def _identifier(name: str, text: str) -> str:
    if IDENTIFIER.fullmatch(text):
        return text
    raise AddressError(f"{text!r} is not a valid {name}: lower-case letters a-z, digits, - or _, at most 63")


def _chosen(name: str, text: str) -> str:
    """A percent-encoded text that people chose."""
    try:
        value = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise AddressError(f"{text!r} is not a valid {name}: its percent-encoding is not UTF-8") from None
    if not value or not value.isprintable():
        raise AddressError(f"{text!r} is not a valid {name}: it is empty or contains control characters")
    return value


def _period(text: str) -> Period:
    try:
        return period(text)
    except ValueError as error:
        raise AddressError(str(error)) from None


def _instant_ms(text: str) -> int:
    try:
        found = to_ms(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise AddressError(
            f"{text!r} is not a start: write an instant with its zone, for example 2026-11-23T00:00:00Z"
        ) from None
    if not OLDEST_MS <= found < BEYOND_MS:
        raise AddressError(f"{text!r} is outside the years 2000 to 2199")
    return found


def _instant(at_ms: int) -> str:
    written = from_ms(at_ms).astimezone(UTC).isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds")
    return written.replace("+00:00", "Z")


def _written(path: tuple[str, ...], revision: int | None) -> str:
    return "/".join(path) + ("" if revision is None else f"@{revision}")
