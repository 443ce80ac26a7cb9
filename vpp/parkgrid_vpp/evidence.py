"""What the meters of resources say: interval rows, open findings, the energy that follows, and lines that prove it.

    addresses ─▶ registers ─┬─▶ interval rows of some quarter hours ─┬─▶ energy of a resource, or why it is not sure
                            └─▶ open findings ───────────────────────┴─▶ evidence lines and their SHA-256

Everything that many resources need is read at once, park by park; how much one statement reads is bounded.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.time import SHANGHAI
from parkgrid_database.connection import Connection
from parkgrid_domain.vpp.baseline.load import Load
from parkgrid_domain.vpp.clearing import SiteMeters
from parkgrid_domain.vpp.documents import FindingTold, Term
from parkgrid_domain.vpp.ledger import instant
from parkgrid_domain.vpp.quarters import QUARTER
from parkgrid_vpp.errors import PilotError
from parkgrid_vpp.parks import REGISTER, of_each_park
from parkgrid_vpp.statements import statement

_REGISTERS_A_STATEMENT = 1_000
_MOST_ROWS = 20_000_000
"""Registers times quarter hours of one question: eight numbers each are held in memory."""
_NAMES = ("parks", *REGISTER)
_NONE = -(2**63)
_NONE_TEXT = str(_NONE)
_QUARTER_S = 900
_AT, _REVISION, _QUALITY, _ENERGY, _FIRST_MS, _FIRST, _LAST_MS, _LAST = range(8)
_QUALITIES = ("missing", "good", "estimated")
_ESTIMATED = 2
_REASONS = ("", "estimated", "by_power", "finding", "missing")
"""Why a quarter hour is not sure, the weightiest last: it stands where several are true."""
_BY_ESTIMATE, _BY_POWER, _BY_FINDING, _BY_NOTHING = range(1, 5)


Quarters: TypeAlias = tuple[datetime, ...] | frozenset[datetime]
"""Quarter hours, of a tuple in its order: what never changes, so that it is prepared once for many resources."""


class EvidenceError(PilotError):
    """What cannot be read at once, with the remedy."""


@dataclass(frozen=True, slots=True)
class Metered:
    """What a resource drew, in Wh a quarter hour, by its formula; negative where it gave back."""

    energy_wh: Mapping[datetime, int]
    """Of every quarter hour of which it is known, sure or not."""
    unsure: Mapping[datetime, str]
    """Why it is not sure: missing, estimated, finding, by_power."""

    def load(self, zone: ZoneInfo = SHANGHAI) -> Load:
        """Only what is sure, for a baseline."""
        sure = {at: energy for at, energy in self.energy_wh.items() if at not in self.unsure}
        return Load(sure, zone, self.unsure)


@dataclass(frozen=True, slots=True)
class _Register:
    """One register of what was read."""

    by_power: bool
    rows: NDArray[np.int64]
    """One row a stored quarter hour in order of time, columns as packed."""
    findings: tuple[FindingTold, ...]
    park_id: int = 0
    number: int = 0
    counts_from_s: int = _NONE
    """Where power stood in for its counter before: the quarter hours before this instant are by power."""

    def find(self, quarters_s: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The place of each quarter hour among the rows, and whether it is there."""
        if not len(self.rows):
            return np.zeros(len(quarters_s), np.int64), np.zeros(len(quarters_s), np.bool_)
        place = np.minimum(np.searchsorted(self.rows[:, _AT], quarters_s), len(self.rows) - 1)
        return place, self.rows[place, _AT] == quarters_s

    def of_power(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of its rows were integrated from power."""
        found: NDArray[np.bool_] = self.by_power | (rows[:, _AT] < self.counts_from_s)
        return found

    def known(self, quarters_s: NDArray[np.int64]) -> int:
        """Of how many of the quarter hours it says something."""
        rows = self.rows[np.isin(self.rows[:, _AT], quarters_s)]
        return int(((rows[:, _QUALITY] > 0) & (rows[:, _ENERGY] != _NONE)).sum())


_NOTHING = _Register(by_power=False, rows=np.zeros((0, 8), np.int64), findings=())


@dataclass(frozen=True, slots=True)
class _Order:
    """Quarter hours as they are asked for, and as seconds."""

    quarters: Sequence[datetime]
    seconds: NDArray[np.int64]
    judged: dict[str, tuple[NDArray[np.int64], NDArray[np.int8]]] = field(default_factory=dict)
    """Energy and doubts by register: a storage's registers stand in the site's formula too."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Interval rows and findings of many registers."""

    registers: Mapping[str, _Register]
    names: dict[int, str] = field(default_factory=dict)
    """Instants as they are told, each made once."""
    orders: dict[Collection[datetime], "_Order"] = field(default_factory=dict)
    """Quarter hours that were asked for, each collection prepared once."""

    def metered(self, meter: Sequence[Term], quarters: Quarters) -> Metered:
        """What a resource with this formula drew over quarter hours."""
        ordered = self._order(quarters)
        total, reason = self._judged(meter, ordered)
        told = list(zip(ordered.quarters, total.tolist(), reason.tolist(), strict=True))
        return Metered(
            {at: energy for at, energy, doubt in told if doubt != _BY_NOTHING},
            {at: _REASONS[doubt] for at, _, doubt in told if doubt},
        )

    def totals(self, meter: Sequence[Term], days: tuple[tuple[datetime, ...], ...]) -> list[int | None]:
        """The sum over the quarter hours of each day, as many on each; None where one of them is not sure."""
        if not days:
            return []
        total, reason = self._judged(meter, self._order(tuple(chain.from_iterable(days))))
        sums = total.reshape(len(days), -1).sum(axis=1)
        doubts = (reason > 0).reshape(len(days), -1).sum(axis=1)
        return [None if doubt else energy for energy, doubt in zip(sums.tolist(), doubts.tolist(), strict=True)]

    def findings(self, meter: Sequence[Term], quarters: Quarters) -> tuple[FindingTold, ...]:
        """The open findings that touch one of the quarter hours, in order of register and time."""
        ordered = self._order(quarters)
        return tuple(
            finding
            for address in sorted({term.register for term in meter})
            for finding in self.registers.get(address, _NOTHING).findings
            if _touched(finding, ordered.seconds).any()
        )

    def lines(self, meter: Sequence[Term], quarters: Quarters) -> Iterator[str]:
        """The evidence lines of quarter hours, in order of register and time; a row that is not stored has none."""
        ordered = self._order(quarters)
        for address in sorted({term.register for term in meter}):
            register = self.registers.get(address, _NOTHING)
            place, there = register.find(ordered.seconds)
            name = json.dumps(address, ensure_ascii=False)
            rows = register.rows[place[there]]
            # What stands around a quarter hour are samples of power there, no readings of a register.
            rows[register.of_power(rows), _FIRST_MS:] = _NONE
            for row in rows.tolist():
                yield self._line(name, row)

    def digest(self, meter: Sequence[Term], quarters: Quarters) -> str:
        """SHA-256 of the evidence lines, joined by line ends."""
        return hashlib.sha256("\n".join(self.lines(meter, quarters)).encode()).hexdigest()

    def numbers(self, meter: Sequence[Term]) -> set[tuple[int, int]]:
        """The registers in the store that a formula was read from, each by its park and its number."""
        found = [self.registers[term.register] for term in meter if term.register in self.registers]
        return {(each.park_id, each.number) for each in found}

    def _order(self, quarters: Quarters) -> "_Order":
        found = self.orders.get(quarters)
        if found is None:
            ordered = sorted(quarters) if isinstance(quarters, frozenset) else quarters
            found = self.orders[quarters] = _Order(ordered, _seconds(ordered))
        return found

    def _judged(self, meter: Sequence[Term], ordered: "_Order") -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """Energy by the formula, and the number of the weightiest reason why it is not sure."""
        total, reason = np.zeros(len(ordered.seconds), np.int64), np.zeros(len(ordered.seconds), np.int8)
        for term in meter:
            if term.register not in ordered.judged:
                register = self.registers.get(term.register, _NOTHING)
                ordered.judged[term.register] = _judged(register, ordered.seconds)
            energy, doubt = ordered.judged[term.register]
            total += term.sign * energy
            np.maximum(reason, doubt, out=reason)
        if not meter:
            reason[:] = _BY_NOTHING
        return total, reason

    def _line(self, name: str, row: Sequence[int]) -> str:
        at = row[_AT]
        if at not in self.names:
            self.names[at] = instant(datetime.fromtimestamp(at, UTC))
        # The text of a list of numbers is made at once: five thousand registers have a hundred thousand lines.
        rest = str(row[_ENERGY:])[1:-1].replace(" ", "").replace(_NONE_TEXT, "null")
        return f'[{name},"{self.names[at]}",{row[_REVISION]},"{_QUALITIES[row[_QUALITY]]}",{rest}]'


def beside(quarters: Iterable[datetime]) -> frozenset[datetime]:
    """Quarter hours with the one before and the one after each: their rows hold the readings around every edge."""
    return frozenset(at + step for at in quarters for step in (-QUARTER, timedelta(0), QUARTER))


def read(
    connection: Connection,
    addresses: Collection[str],
    quarters: Collection[datetime],
    as_of: datetime | None = None,
    chosen_by: Collection[datetime] | None = None,
) -> Evidence:
    """The evidence of registers over quarter hours; with `as_of`, the interval rows as they were known then.

    An address that names no register is a register without rows; of several the one is taken that says something of
    the quarter hours `chosen_by`, else of all. Raises `EvidenceError` for too much at once.
    """
    if len(addresses) * len(quarters) > _MOST_ROWS:
        raise EvidenceError(
            f"{len(addresses)} registers over {len(quarters)} quarter hours are too many to read at once: at most "
            f"{_MOST_ROWS:,} rows; ask for fewer resources or days"
        )
    if not addresses or not quarters:
        return Evidence({})
    by_s = _seconds(sorted(quarters if chosen_by is None else chosen_by))
    found: dict[str, _Register] = {}
    for park_id, mine, named in of_each_park(connection, _parts(addresses), REGISTER):
        known = _registers(connection, park_id, ["/".join(each) for each in mine], named)
        found.update(_of_park(connection, park_id, known, quarters, as_of, by_s))
    return Evidence(found)


def _of_park(
    connection: Connection,
    park_id: int,
    known: Mapping[str, list[_Register]],
    quarters: Collection[datetime],
    as_of: datetime | None,
    by_s: NDArray[np.int64],
) -> dict[str, _Register]:
    """The register of each address of a park, with its rows and findings."""
    numbers = sorted({each.number for several in known.values() for each in several})
    rows: dict[int, NDArray[np.int64]] = {}
    for first in range(0, len(numbers), _REGISTERS_A_STATEMENT):
        rows.update(_rows(connection, park_id, numbers[first : first + _REGISTERS_A_STATEMENT], quarters, as_of))
    chosen = {
        address: _one_of([replace(each, rows=rows.get(each.number, each.rows)) for each in several], by_s)
        for address, several in known.items()
    }
    findings = _findings(connection, park_id, {each.number: address for address, each in chosen.items()}, quarters)
    return {address: replace(each, findings=findings.get(each.number, ())) for address, each in chosen.items()}


def _one_of(registers: Sequence[_Register], quarters_s: NDArray[np.int64]) -> _Register:
    """Of several registers of one address, the oldest that says at least half as much of quarter hours as any of them.

    A device that is announced anew under another class has new registers. What the former ones have said of an event
    stays: else a gateway would exchange its history, or hide it, by a new announcement.
    """
    if len(registers) == 1:
        return registers[0]
    known = [each.known(quarters_s) for each in registers]
    return next(each for each, count in zip(registers, known, strict=True) if 2 * count >= max(known))


def waiting(connection: Connection, addresses: Collection[str], until: datetime) -> list[str]:
    """The registers, of those that there are, whose quarter hours before an instant are not all metered yet."""
    if not addresses:
        return []
    found: list[str] = []
    for _, mine, named in of_each_park(connection, _parts(addresses), REGISTER):
        rows = connection.execute(statement("evidence/waiting"), named | {"until": until})
        found.extend("/".join(mine[place - 1]) for (place,) in rows)
    return sorted(found)


def site_meters(connection: Connection, addresses: Collection[str]) -> SiteMeters:
    """Of registers, those of grid meters, and which of their parks have but one of these."""
    if not addresses:
        return SiteMeters()
    ordered = sorted(addresses)
    named = dict(zip(_NAMES, map(list, zip(*_parts(ordered), strict=True)), strict=True))
    found = connection.execute(statement("evidence/site_meters"), named).fetchall()
    registers = {ordered[place - 1]: alone for place, alone in found}
    parks = frozenset(address.split("/")[0] for address, alone in registers.items() if alone)
    return SiteMeters(frozenset(registers), parks)


def _registers(
    connection: Connection, park_id: int, addresses: Sequence[str], named: Mapping[str, object]
) -> dict[str, list[_Register]]:
    """Of a park, without their rows, the oldest first."""
    found: dict[str, list[_Register]] = {}
    for place, number, method, counted_s in connection.execute(statement("evidence/registers"), named):
        since = _NONE if counted_s is None else counted_s
        each = replace(_NOTHING, park_id=park_id, by_power=method == "power", number=number, counts_from_s=since)
        found.setdefault(addresses[place - 1], []).append(each)
    return found


def _parts(addresses: Collection[str]) -> list[list[str]]:
    """Addresses of registers in their order, taken apart."""
    parts = [address.split("/") for address in sorted(addresses)]
    wrong = next((each for each in parts if len(each) != len(_NAMES)), None)
    if wrong is not None:
        raise EvidenceError(f"{'/'.join(wrong)!r} is not the address of a register: park/gateway/device/signal")
    return parts


def _rows(
    connection: Connection,
    park_id: int,
    numbers: Sequence[int],
    quarters: Collection[datetime],
    as_of: datetime | None,
) -> dict[int, NDArray[np.int64]]:
    starts, stops = _spans(quarters)
    asked = {"park_id": park_id, "registers": numbers, "starts": starts, "stops": stops}
    values = asked | {"none": _NONE, "as_of": as_of}
    found = {}
    with connection.cursor(binary=True) as cursor:
        for number, packed in cursor.execute(statement("evidence/intervals"), values):
            rows = np.frombuffer(packed, ">i8").astype(np.int64).reshape(-1, 8)
            found[number] = rows[np.argsort(rows[:, _AT], kind="stable")]
    return found


def _findings(
    connection: Connection, park_id: int, addresses: Mapping[int, str], quarters: Collection[datetime]
) -> dict[int, tuple[FindingTold, ...]]:
    values = {
        "park_id": park_id,
        "registers": list(addresses),
        "start": min(quarters) - QUARTER,
        "stop": max(quarters) + 2 * QUARTER,
    }
    found: dict[int, list[FindingTold]] = {}
    for number, kind, from_s, at_s in connection.execute(statement("evidence/findings"), values):
        told = FindingTold(
            addresses[number], kind, datetime.fromtimestamp(from_s, UTC), datetime.fromtimestamp(at_s, UTC)
        )
        found.setdefault(number, []).append(told)
    return {number: tuple(each) for number, each in found.items()}


def _spans(quarters: Collection[datetime]) -> tuple[list[datetime], list[datetime]]:
    """The stretches that quarter hours make, as starts and ends."""
    ordered = sorted(quarters)
    starts = [at for before, at in zip([None, *ordered], ordered, strict=False) if before != at - QUARTER]
    ends = [at + QUARTER for at, after in zip(ordered, [*ordered[1:], None], strict=True) if after != at + QUARTER]
    return starts, ends


def _judged(register: _Register, quarters_s: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Energy of each quarter hour, 0 where it is not known, and the number of the reason why it is not sure."""
    place, there = register.find(quarters_s)
    if not there.any():
        return np.zeros(len(quarters_s), np.int64), np.full(len(quarters_s), _BY_NOTHING, np.int8)
    rows = register.rows[place]
    energy, quality = rows[:, _ENERGY], rows[:, _QUALITY]
    known = there & (quality > 0) & (energy != _NONE)
    reason = np.where(quality == _ESTIMATED, _BY_ESTIMATE, 0)
    reason[register.of_power(rows)] = _BY_POWER
    for finding in register.findings:
        reason[_touched(finding, quarters_s)] = _BY_FINDING
    return np.where(known, energy, 0), np.where(known, reason, _BY_NOTHING).astype(np.int8)


def _touched(finding: FindingTold, quarters_s: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a finding touches a quarter hour or one of its neighbours."""
    from_s, at_s = finding.from_.timestamp(), finding.at.timestamp()
    touched: NDArray[np.bool_] = (from_s < quarters_s + 2 * _QUARTER_S) & (at_s >= quarters_s - _QUARTER_S)
    return touched


def _seconds(quarters: Sequence[datetime]) -> NDArray[np.int64]:
    return np.array([round(at.timestamp()) for at in quarters], np.int64)
