"""What is believed of registers, kept from round to round: one state a day and one at the end of what is metered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from psycopg import sql

from parkgrid_contract.time import to_ms
from parkgrid_domain.energy import Belief
from parkgrid_domain.energy.belief import Doubt, Mark, Trial, Unsure
from parkgrid_metering.columns import Stream, copy_in, documents
from parkgrid_metering.parks import Park

DAY_MS = 86_400_000
_BELIEFS = sql.Identifier("base", "register_belief")
_NAMES = tuple(each.name for each in fields(Belief))


@dataclass(frozen=True, slots=True)
class Held:
    """A belief and the instant before which it holds."""

    at_ms: int
    belief: Belief


@dataclass(frozen=True, slots=True)
class Judged:
    """A stretch of a register that was judged: [low, high], and the beliefs within it."""

    register_id: int
    low_ms: int
    high_ms: int
    held: tuple[Held, ...]


def before(park: Park, wanted: Sequence[tuple[int, int]]) -> dict[int, Held]:
    """For each (register, instant) by its place: the latest belief at or before the instant."""
    if not wanted:
        return {}
    values = {"registers": [number for number, _ in wanted], "instants": [at for _, at in wanted]}
    rows = park.execute("beliefs/beliefs_before", values)
    return {place: Held(to_ms(at), decode(told)) for place, at, told in rows}


def between(park: Park, wanted: Sequence[tuple[int, int, int]]) -> dict[int, dict[int, Belief]]:
    """By register: the beliefs that are held within (low, high]."""
    if not wanted:
        return {}
    values = {
        "registers": [number for number, _, _ in wanted],
        "lows": [low for _, low, _ in wanted],
        "highs": [high for _, _, high in wanted],
    }
    found: dict[int, dict[int, Belief]] = {}
    for number, at, told in park.execute("beliefs/beliefs_between", values):
        found.setdefault(number, {})[to_ms(at)] = decode(told)
    return found


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is believed now, ready to be written."""

    stretches: Sequence[Judged]
    rows: Stream

    @classmethod
    def of(cls, park: Park, judged: Iterable[Judged]) -> "Prepared":
        """The beliefs of stretches of a park as they are stored."""
        stretches = [each for each in judged if each.held]
        rows = ((each.register_id, held.at_ms, encode(held.belief)) for each in stretches for held in each.held)
        return cls(stretches, documents("belief", park.park_id, rows))


def keep(park: Park, prepared: Prepared) -> None:
    """Replace what was believed within stretches by what is believed now."""
    stretches = prepared.stretches
    if not stretches:
        return
    park.execute(
        "beliefs/forget_beliefs",
        {
            "registers": [each.register_id for each in stretches],
            "lows": [each.low_ms for each in stretches],
            "highs": [each.high_ms for each in stretches],
        },
    )
    # Each is later than the start of its stretch and no later than its end, where nothing is left: none can collide.
    copy_in(park.connection, _BELIEFS, prepared.rows)


def encode(belief: Belief) -> dict[str, Any]:
    """A belief as JSON tells it."""
    told = {name: getattr(belief, name) for name in _NAMES}
    if belief.unsure is not None:
        told["unsure"] = asdict(belief.unsure)
    return told


def decode(told: Mapping[str, Any]) -> Belief:
    """The belief that JSON tells of."""
    unsure = told["unsure"]
    return Belief(
        **{**told, "smallest": tuple(told["smallest"]), "unsure": None if unsure is None else _unsure(unsure)}
    )


def _unsure(told: Mapping[str, Any]) -> Unsure:
    return Unsure(**{**told, "chains": tuple(_doubt(each) for each in told["chains"])})


def _doubt(told: Mapping[str, Any]) -> Doubt:
    marks = tuple(Mark(**{**mark, "smallest": tuple(mark["smallest"])}) for mark in told["marks"])
    trial = told["trial"]
    if trial is not None:
        trial = Trial(**{**trial, "rises": tuple(tuple(rise) for rise in trial["rises"])})
    return Doubt(**{**told, "marks": marks, "trial": trial})
