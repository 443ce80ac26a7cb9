"""Golden folders and short ways to say what a definition is given."""

import csv
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from parkgrid_contract.time import to_ms
from parkgrid_domain.factors import factors_for
from parkgrid_domain.indicators.definition import Factor, Indicator, Inputs, Quantity

GOLDEN = Path(__file__).parents[2] / "golden" / "indicators"
_LATEST = date(2026, 11, 30)


def quantity(name: str, values: Sequence[float | None], estimated: Sequence[int] = ()) -> Quantity:
    """A quantity whose absent values are `None`, and the places of those that are estimates."""
    array = np.array([np.nan if value is None else value for value in values], np.float64)
    guessed = np.zeros(len(array), np.bool_)
    guessed[list(estimated)] = True
    return Quantity(name, "", array, guessed)


def given(name: str, value: float) -> Factor:
    return Factor(name, value, "", "given by the test", marker="given")


def inputs(
    quantities: Mapping[str, Sequence[float | None]],
    *,
    period_s: int = 3600,
    start: str = "2026-11-23T00:00:00+08:00",
    ratings: Mapping[str, float] | None = None,
    factors: Mapping[str, float] | None = None,
    region: str | None = "guangdong",
    on: date = _LATEST,
    as_of: date = _LATEST,
    estimated: Mapping[str, Sequence[int]] | None = None,
    **more: Any,
) -> Inputs:
    """Inputs with the packaged factors; numbers of `factors` go before them; the places of what is `estimated`."""
    built = {name: quantity(name, values, (estimated or {}).get(name, ())) for name, values in quantities.items()}
    count = len(next(iter(built.values())).values)
    numbers = factors_for(on, as_of, region) | {name: given(name, value) for name, value in (factors or {}).items()}
    start_ms = to_ms(datetime.fromisoformat(start))
    return Inputs(start_ms, period_s, count, built, ratings or {}, numbers, **more)


def by_minute(quantities: Mapping[str, Sequence[float | None]], **more: Any) -> Inputs:
    """Inputs whose quantities are those by the minute."""
    fine = inputs(quantities, period_s=60, **more)
    return Inputs(fine.start_ms, 900, fine.count // 15, {}, fine.ratings, fine.factors, fine=fine)


@dataclass(frozen=True)
class Golden:
    """One folder: readings, and what a person computed from them."""

    inputs: Inputs
    expected: dict[str, Any]


def golden(indicator: Indicator) -> Golden:
    """The folder of an indicator; `FileNotFoundError` if it has none."""
    folder = GOLDEN / indicator.name
    expected = tomllib.loads((folder / "expected.toml").read_text(encoding="utf-8"))
    with (folder / "readings.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    columns = {name: [row[place] for row in rows] for place, name in enumerate(header)}
    found = {name: _column(name, texts) for name, texts in columns.items() if name != "at"}
    start_ms = to_ms(datetime.fromisoformat(columns["at"][0]))
    numbers = factors_for(_LATEST, expected.get("as_of", _LATEST), expected.get("region"))
    numbers |= {name: given(name, value) for name, value in expected.get("factors", {}).items()}
    whole = {name: one for name, one in found.items() if "[" not in name}
    members: dict[str, tuple[Quantity, ...]] = {}
    for name, one in found.items():
        if "[" in name:
            stem, device = name.rstrip("]").split("[")
            members[stem] = (*members.get(stem, ()), Quantity(device, "", one.values, one.estimated))
    made = Inputs(
        start_ms, expected["period_s"], len(rows), whole, expected.get("ratings", {}), numbers, members=members
    )
    if indicator.by_minute:
        made = Inputs(start_ms, 900, len(rows) // 15, {}, made.ratings, numbers, fine=made)
    return Golden(made, expected)


def _column(name: str, texts: Sequence[str]) -> Quantity:
    """Numbers of a column; empty is absent, a tilde behind it marks an estimate."""
    values = [float(text.rstrip("~")) if text else None for text in texts]
    return quantity(name, values, [place for place, text in enumerate(texts) if text.endswith("~")])
