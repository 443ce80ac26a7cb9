"""What registers cannot have counted, kept for a person to explain: `parkgrid registers findings`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from parkgrid_contract.time import from_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.energy import Finding, FindingKind
from parkgrid_metering.parks import Park, parks_named
from parkgrid_metering.statements import statement

_NAMES = {
    FindingKind.JUMPED: "jumped",
    FindingKind.RESET: "reset",
    FindingKind.LEFT_OUT: "left_out",
    FindingKind.TOO_MUCH: "too_much",
}
_MOST_STEPS = 2**62


@dataclass(frozen=True, slots=True)
class Found:
    """The findings of a stretch [low, high) of a register that was judged."""

    register_id: int
    low_ms: int
    high_ms: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """One finding as it is shown."""

    register: str
    """`park/gateway/device/signal`."""
    kind: str
    at: datetime
    from_at: datetime
    from_kwh: float | None
    kwh: float | None
    energy_kwh: float
    """What would have been booked; of a reset, what was."""
    readings: int
    found_at: datetime


def keep(park: Park, found: Sequence[Found], now_ms: int) -> None:
    """Replace the findings of stretches by what they show now."""
    if not found:
        return
    park.execute(
        "findings/forget_findings",
        {
            "registers": [each.register_id for each in found],
            "lows": [each.low_ms for each in found],
            "highs": [each.high_ms for each in found],
        },
    )
    rows = [
        (each.register_id, one) for each in found for one in each.findings if each.low_ms <= one.at_ms < each.high_ms
    ]
    if not rows:
        return
    values = {
        "registers": [number for number, _ in rows],
        "instants": [from_ms(one.at_ms) for _, one in rows],
        "kinds": [_NAMES[one.kind] for _, one in rows],
        "from_instants": [from_ms(one.from_ms) for _, one in rows],
        "from_steps": [_steps(one.from_steps) for _, one in rows],
        "steps": [_steps(one.steps) for _, one in rows],
        "energies": [one.energy_wh for _, one in rows],
        "readings": [one.readings for _, one in rows],
        "now": from_ms(now_ms),
    }
    park.execute("findings/keep_findings", values)


def _steps(steps: int) -> int | None:
    return steps if 0 <= steps < _MOST_STEPS else None


def told(connection: Connection, park: str = "") -> list[Told]:
    """What nobody has explained yet, of one park or of all, in order of time."""
    values = {"parks": parks_named(connection, park)}
    return [Told(*row) for row in connection.execute(statement("findings/list_findings"), values)]
