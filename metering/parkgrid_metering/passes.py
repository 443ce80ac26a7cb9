"""The computing part of a round: spans ─▶ windows ─▶ groups of windows, each read, computed and written.

A pass goes over its spans until every window has come to its end. What it changes may ask for another pass: gaps of
inverters that count like those that changed.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

from parkgrid_domain.energy import RegisterRule
from parkgrid_metering import beliefs, completeness, findings, readings, registers, revisions
from parkgrid_metering.computing import of_windows
from parkgrid_metering.judging import judgements
from parkgrid_metering.opening import Opener
from parkgrid_metering.readings import PackedReadings
from parkgrid_metering.retry_queue import Failure
from parkgrid_metering.revisions import Prepared, Written
from parkgrid_metering.steps import Judgement, Outcome, Part, Result, Round
from parkgrid_metering.work import RegisterSpan, Window, groups

_READINGS_OF_PART = 150_000
_AHEAD = 4
"""Parts that wait to be written, at most: each is some megabytes."""


def meter(this: Round, work: Sequence[RegisterSpan]) -> Result:
    """Bring intervals, beliefs, findings and gaps of spans up to what is stored."""
    result = Result()
    while work:
        result += _pass(this, work)
        work = this.inverters.anew(result.metered_ms())
    # Only now: what neighbours said in the same spell tells causes apart.
    for each in result.outcomes:
        completeness.note_gaps(this.park, each.registers(), each.computed)
    completeness.note_apart(this.park, list(dict.fromkeys(result.apart)))
    return result


def _pass(this: Round, work: Sequence[RegisterSpan]) -> Result:
    opener = Opener(this.park, this.reach.newest_ms, this.news.begin_ms())
    result = Result()
    windows = opener.begin(work)
    while windows:
        for group in groups(windows):
            began = time.monotonic()
            result += _group(this, sorted(group, key=_by_signal_and_device), opener)
            this.throttle(time.monotonic() - began)
        windows = opener.further()
    registers.note_sought(this.park, opener.sought)
    return result + Result(limited=tuple(opener.limited), apart=tuple(opener.apart))


def _group(this: Round, group: Sequence[Window], opener: Opener) -> Result:
    packed = _read(this, group)
    rules = this.inverters.beside(group, registers.rules(this.park, [each.span.register for each in group]))
    looked_at, failures = 0, []
    told: list[Judgement] = []
    writes: list[Future[Written]] = []
    # One part is written while the next is unpacked and computed; the connection belongs to the writing meanwhile.
    with ThreadPoolExecutor(1, "metering") as writing:
        for part in _parts(group, packed, rules):
            looked_at += len(part.given)
            for each in judgements(this, part, opener):
                if isinstance(each, Failure):
                    failures.append(each)
                    continue
                prepared = Prepared.of(this.park, each.computed, this.now_ms)
                if len(writes) >= _AHEAD:
                    writes[-_AHEAD].result()
                writes.append(writing.submit(revisions.write, this.park, this.days, prepared, this.now_ms))
                told.append(each)
        # While the last parts are written.
        believed = beliefs.Prepared.of(this.park, (judged for each in told for judged in each.judged))
    outcomes = tuple(
        Outcome(each.windows, each.ends_ms, each.computed, written.result())
        for each, written in zip(told, writes, strict=True)
    )
    # At once and last: a short statement waits longer for its turn beside the computing than it takes.
    beliefs.keep(this.park, believed)
    findings.keep(this.park, [found for each in told for found in each.found], this.now_ms)
    for outcome in outcomes:
        this.inverters.note(outcome.windows, outcome.computed, outcome.written)
    return Result(outcomes, tuple(failures), looked_at)


def _read(this: Round, group: Sequence[Window]) -> PackedReadings:
    members = [each.span.register for each in group]
    device_class = members[0].device_class
    devices = registers.device_ids(members).tolist()
    sources = sorted({register.source for register in members})
    span_ms = min(each.read_from_ms for each in group), max(each.end_ms for each in group)
    # Rows are read in their order on the disk if at least half of them are wanted, which takes a third of the time.
    every = 2 * len(devices) >= this.devices_of.get(device_class, 0)
    return readings.read(this.park, device_class, sources, devices, span_ms, every=every)


def _parts(group: Sequence[Window], packed: PackedReadings, rules: Sequence[RegisterRule]) -> Iterator[Part]:
    """The group a few registers at a time: their numbers then stay in the processor's cache."""
    total = sum(packed.count(each.span.register.device_id) for each in group)
    count = max(1, min(len(group), total // _READINGS_OF_PART))
    edges = [len(group) * number // count for number in range(count + 1)]
    for start, end in pairwise(edges):
        windows = group[start:end]
        yield Part(windows, of_windows(packed, windows), rules[start:end])


def _by_signal_and_device(each: Window) -> tuple[str, int]:
    return each.span.register.signal, each.span.register.device_id
