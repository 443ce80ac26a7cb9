"""The monthly power factor and its adjustment of the bill (力调电费, 〔83〕水电财字215号), from a dated table."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from importlib import resources

from parkgrid_contract import strict_toml

_HUNDREDTH = Decimal("0.01")
_EXACT = Context(prec=60)
"""Enough digits that a square root cannot fall on the wrong side of half a hundredth."""


@dataclass(frozen=True, slots=True)
class Standard:
    """The rewards and penalties around one standard power factor."""

    power_factor: Decimal
    rewards: tuple[tuple[Decimal, Decimal], ...]
    """(at least, per cent), the highest first."""
    penalties: tuple[tuple[Decimal, Decimal], ...]
    """(down to, per cent for each 0.01), from the standard downwards."""

    def adjustment_pct(self, power_factor: Decimal) -> Decimal:
        """By how many per cent the charge changes for a power factor of two decimals; negative is a reward."""
        if power_factor >= self.power_factor:
            return next((pct for at_least, pct in self.rewards if power_factor >= at_least), Decimal(0))
        total, above = Decimal(0), self.power_factor
        for down_to, pct in self.penalties:
            below = max(power_factor, down_to)
            total += (above - below) / _HUNDREDTH * pct
            above = below
        return total


@dataclass(frozen=True, slots=True)
class Table:
    """The standards of one rule."""

    standards: tuple[Standard, ...]
    source: str
    text: str

    def standard(self, power_factor: Decimal) -> Standard:
        """The standard of a supply agreement. Raises `ValueError` for one that the rule does not know."""
        for standard in self.standards:
            if standard.power_factor == power_factor:
                return standard
        known = ", ".join(str(standard.power_factor) for standard in self.standards)
        raise ValueError(f"power-factor standard {power_factor}: the rule knows {known}")


def table(text: str) -> Table:
    """The table that a rule file says."""
    document = strict_toml.loads(text, Decimal)
    return Table(tuple(map(_standard, document["standard"])), document["source"], text)


@cache
def packaged() -> Table:
    """The table that this version ships."""
    return table((resources.files("parkgrid_domain.tariff") / "data" / "power_factor.toml").read_text("utf-8"))


def power_factor(active_wh: int, reactive_varh: int) -> Decimal | None:
    """Active over apparent energy, kWh/sqrt(kWh² + kvarh²), half-up to 2 decimals; None without any energy."""
    apparent_squared = active_wh**2 + reactive_varh**2
    if not apparent_squared:
        return None
    exact = _EXACT.divide(Decimal(active_wh), _EXACT.sqrt(Decimal(apparent_squared)))
    return exact.quantize(_HUNDREDTH, ROUND_HALF_UP)


def _standard(document: dict[str, Sequence[dict[str, Decimal]] | Decimal]) -> Standard:
    rewards, penalties = document["rewards"], document["penalties"]
    return Standard(
        Decimal(document["power_factor"]),  # type: ignore[arg-type]
        tuple((Decimal(each["at_least"]), Decimal(each["pct"])) for each in rewards),  # type: ignore[union-attr]
        tuple((Decimal(each["down_to"]), Decimal(each["pct_per_hundredth"])) for each in penalties),  # type: ignore[union-attr]
    )
