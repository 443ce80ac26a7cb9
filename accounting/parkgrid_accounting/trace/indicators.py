"""Indicators traced: the definition's inputs, each energy from its registers, and the figure from those once more."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from parkgrid_accounting.address import IndicatorAddress
from parkgrid_accounting.figures.indicators import Explained, explained
from parkgrid_accounting.figures.inputs import Given
from parkgrid_accounting.figures.quantities import QUANTITIES, Metered
from parkgrid_accounting.figures.site import SiteRegister, site_of
from parkgrid_accounting.scope import Scope
from parkgrid_accounting.trace.answer import Definition, Input, NotTracedError, Rule, Trace, same
from parkgrid_accounting.trace.registers import RegisterTrace, sources, trace_register
from parkgrid_database.connection import Connection
from parkgrid_domain.indicators.definition import Factor, Inputs, Quantity

_WH_PER_KWH = 1000


def trace_indicator(connection: Connection, address: IndicatorAddress, now_ms: int) -> Trace:
    """An indicator of a scope over a period, with everything behind it."""
    if address.revision is not None:
        raise NotTracedError(
            f"{address}: an indicator is always computed from the intervals as they are now; former values are kept "
            "of intervals and of closed bills"
        )
    scope = scope_of(address)
    period = replace(address.period, zone=site_of(connection, scope).zone)
    found = explained(connection, scope, period, address.name, Given(until_ms=min(period.end_ms, now_ms)))
    traced = _registers(connection, address.park, found)
    inputs = _recomputed(found, traced)
    again = found.indicator.figure(inputs)
    return Trace(
        address=str(address),
        definition=_definition(found),
        published=found.figure.value,
        recomputed=again.value,
        equal=same(found.figure.value, again.value) and found.figure.unavailable == again.unavailable,
        unit=found.indicator.unit,
        coverage_pct=found.figure.coverage_pct,
        estimated_pct=found.figure.estimated_pct,
        unavailable=found.figure.unavailable,
        unavailable_zh=found.figure.unavailable_zh,
        details=dict(found.figure.details),
        rules=tuple(_rule(factor) for name, factor in found.inputs.factors.items() if name in _factors(found)),
        inputs=tuple(_input(found, name, inputs) for name in _names(found)),
        registers=tuple(traced.values()),
        notes=_notes(found),
    )


def scope_of(address: IndicatorAddress) -> Scope:
    """The park, device or place that an address names."""
    return Scope(address.park, address.gateway, address.device, address.line, address.transformer, address.account)


def _definition(found: Explained) -> Definition:
    indicator = found.indicator
    return Definition(
        indicator.name, indicator.name_zh, indicator.name_en, indicator.formula, indicator.unit, indicator.source
    )


def _factors(found: Explained) -> tuple[str, ...]:
    return (*found.indicator.factors, *found.indicator.optional_factors)


def _rule(factor: Factor) -> Rule:
    version = " ".join(str(part) for part in (factor.region, factor.year, factor.published, factor.marker) if part)
    return Rule(factor.name, f"{factor.value:g} {factor.unit}".strip(), version, factor.source)


def _names(found: Explained) -> tuple[str, ...]:
    grid = found.inputs.fine if found.indicator.by_minute and found.inputs.fine else found.inputs
    return tuple(name for name in found.indicator.used(grid) if name in grid.quantities)


def _registers(connection: Connection, park: str, found: Explained) -> dict[int, RegisterTrace]:
    numbers = sorted({each.register_id for registers in found.registers.values() for each in registers})
    start_ms = found.inputs.start_ms
    stop_ms = start_ms + found.inputs.count * found.inputs.period_s * 1000
    return {
        source.register_id: trace_register(connection, source, start_ms, stop_ms)
        for source in sources(connection, park=park, registers=numbers)
    }


def _recomputed(found: Explained, traced: Mapping[int, RegisterTrace]) -> Inputs:
    """The same inputs with every energy computed again from the readings."""
    inputs = found.inputs
    quantities, members = dict(inputs.quantities), dict(inputs.members)
    for name, registers in found.registers.items():
        origin = QUANTITIES[name]
        if name not in quantities or not isinstance(origin, Metered):
            continue
        counted = [each for each in registers if each.signal == origin.signal]
        less = [each for each in registers if each.signal == origin.less]
        quantities[name] = _quantity(quantities[name], inputs, counted, less, traced)
        if name in members:
            parts = zip(members[name], counted, strict=True)
            members[name] = tuple(_quantity(part, inputs, [each], [], traced) for part, each in parts)
    return replace(inputs, quantities=quantities, members=members)


def _quantity(
    published: Quantity,
    inputs: Inputs,
    counted: Sequence[SiteRegister],
    less: Sequence[SiteRegister],
    traced: Mapping[int, RegisterTrace],
) -> Quantity:
    values, estimated = _total(inputs, counted, traced)
    if less:
        taken, guessed = _total(inputs, less, traced)
        values, estimated = values - taken, estimated | guessed
    return replace(published, values=values, estimated=estimated & np.isfinite(values))


def _total(
    inputs: Inputs, registers: Sequence[SiteRegister], traced: Mapping[int, RegisterTrace]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The sum of registers in each slot: nan unless every register that should be there is known throughout."""
    rows = [_slots(inputs, each, traced[each.register_id]) for each in registers]
    energy, missing, expected, estimated = (np.array(part) for part in zip(*rows, strict=True))
    whole = expected.any(axis=0) & ~missing.any(axis=0)
    guessed: NDArray[np.bool_] = np.logical_or.reduce(estimated, axis=0)
    return np.where(whole, energy.sum(axis=0), np.nan), guessed


def _slots(
    inputs: Inputs, register: SiteRegister, traced: RegisterTrace
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """One register on the figure's grid: kWh, whether part of a slot is missing, is expected, is an estimate."""
    parts = max(1, inputs.period_s // register.period_s)
    energy_wh, known, estimated = (column[: inputs.count * parts].reshape(-1, parts) for column in traced.arrays())
    starts = inputs.start_ms + np.arange(inputs.count) * inputs.period_s * 1000
    expected = (starts + inputs.period_s * 1000 > register.from_ms) & (starts < register.to_ms)
    energy_kwh = np.where(known, energy_wh, 0).sum(axis=1) / _WH_PER_KWH
    whole: NDArray[np.bool_] = np.logical_and.reduce(known, axis=1)
    guessed: NDArray[np.bool_] = np.logical_or.reduce(estimated, axis=1)
    return energy_kwh, expected & ~whole, expected, guessed


def _input(found: Explained, name: str, again: Inputs) -> Input:
    fine = found.indicator.by_minute and found.inputs.fine is not None
    grid = found.inputs.fine if fine and found.inputs.fine else found.inputs
    quantity = grid.quantities[name]
    metered = isinstance(QUANTITIES.get(name), Metered)
    registers = found.registers.get(name, [])
    return Input(
        name=name,
        unit=quantity.unit,
        value=_summary(quantity, summed=metered),
        recomputed=_summary(again.quantities[name], summed=True) if metered and not fine else None,
        known=int(np.isfinite(quantity.values).sum()),
        count=len(quantity.values),
        estimated=int(quantity.estimated.sum()),
        registers=tuple(f"{each.device.name}/{each.signal}" for each in registers),
    )


def _summary(quantity: Quantity, *, summed: bool) -> float | None:
    known = quantity.values[np.isfinite(quantity.values)]
    if len(known) == 0:
        return None
    return float(known.sum() if summed else known.mean())


def _notes(found: Explained) -> tuple[str, ...]:
    others = [name for name in _names(found) if not isinstance(QUANTITIES.get(name), Metered)]
    return (f"taken as stored in the roll-ups, not computed again: {', '.join(others)}",) if others else ()
