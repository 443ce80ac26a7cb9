"""The report of a park for a month or a quarter: energies, indicators with coverage, completeness, bills; clusters.

Every figure carries its address, so that `parkgrid trace` can follow it; what is not known says why. Simulated data and
example tariffs are marked on every sheet, and people read names, not identifiers.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from parkgrid_accounting.address import BillAddress, ClusterAddress, IndicatorAddress
from parkgrid_accounting.bills.closings import current_bill
from parkgrid_accounting.bills.errors import BillError
from parkgrid_accounting.bills.marks import marked
from parkgrid_accounting.bills.text import example, remarks
from parkgrid_accounting.clusters.figures import cluster_figures
from parkgrid_accounting.figures.indicators import figures
from parkgrid_accounting.figures.inputs import Given
from parkgrid_accounting.figures.site import site_of
from parkgrid_accounting.report.form import Cell, Heading, Language, Report, Section
from parkgrid_accounting.report.words import WORDS, half
from parkgrid_accounting.scope import Scope
from parkgrid_accounting.statements import statement
from parkgrid_contract.time import from_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.clusters.figures import BY_NAME
from parkgrid_domain.clusters.quarter import quarter
from parkgrid_domain.indicators import INDICATORS
from parkgrid_domain.indicators.definition import Figure
from parkgrid_domain.period import Period, month_of
from parkgrid_domain.tariff.bill import Bill

_CLUSTER_FIGURES = (
    "quarter_output",
    "cumulative_output",
    "cumulative_growth",
    "progress_2025",
    "progress_2030",
    "energy",
    "intensity",
    "intensity_equal_value",
)


def park_report(connection: Connection, park: str, period: Period, language: Language, now_ms: int) -> Report:
    """The report of a park; with the clusters when the period is a quarter. Raises `UnknownParkError`."""
    return _Writer(connection, park, period, language, now_ms).report()


class _Writer:
    def __init__(self, connection: Connection, park: str, period: Period, language: Language, now_ms: int) -> None:
        site = site_of(connection, Scope(park))
        self._connection, self._park, self._language, self._now_ms = connection, park, language, now_ms
        self._period = replace(period, zone=site.zone)
        self._stop_ms = max(self._period.start_ms, min(self._period.end_ms, now_ms))
        start, stop = from_ms(self._period.start_ms), from_ms(self._stop_ms)
        self._bound = {"park": park, "park_id": site.park_id, "start": start, "stop": stop}
        zh, en, self._simulated = connection.execute(statement("reports/park"), self._bound).fetchall()[0]
        self._name = (zh if language == "zh" else en) or park
        self._energies = connection.execute(statement("reports/energies"), self._bound).fetchall()
        self._devices = _names({row[:3] for row in self._energies}, language)
        self._example_tariff = self._example_output = False

    def report(self) -> Report:
        made = from_ms(self._now_ms).astimezone(self._period.zone).isoformat(timespec="minutes")
        state = self._word("running" if self._stop_ms < self._period.end_ms else "over")
        sections = [self._energy(), self._indicators(), self._completeness(), *self._bills()]
        if "Q" in self._period.text:
            sections.append(self._clusters())
        title = f"{self._name}  {self._period.text}  {self._word('title')}"
        told = {
            "simulated": self._simulated,
            "example_tariff": self._example_tariff,
            "example_output": self._example_output,
        }
        marks = tuple(self._word(key) for key, holds in told.items() if holds)
        subtitle = " · ".join((state, f"{self._word('made')} {made}", *marks))
        return Report(title, subtitle, self._language, tuple(sections), marks)

    def _word(self, key: str) -> str:
        return WORDS[key][self._language]

    def _headings(self, *keys: str | tuple[str, int]) -> tuple[Heading, ...]:
        return tuple(
            Heading(self._word(key)) if isinstance(key, str) else Heading(self._word(key[0]), key[1]) for key in keys
        )

    def _energy(self) -> Section:
        rows = []
        span_s = (self._stop_ms - self._period.start_ms) // 1000
        for row in self._energies:
            kind, signal, unit, account, period_s, *energies, good, estimated, corrected, coverage = row[3:]
            missing = max(0, span_s // period_s - good - estimated)
            energy, guessed = (None if energy_wh is None else energy_wh / 1000 for energy_wh in energies)
            named = (self._devices[row[:2]], self._word(f"class.{kind}"), self._word(f"signal.{signal}"), account)
            rows.append((*named, energy, unit, good, estimated, missing, corrected, coverage, guessed))
        headings = self._headings(
            *("device", "class", "register", "account", ("energy", 3), "unit", ("good", 0), ("estimated", 0)),
            *(("missing", 0), ("corrected", 0), ("coverage", 1), ("estimated_energy", 3)),
        )
        notes = (self._word("energies_note"), *([self._word("simulated_note")] if self._simulated else []))
        return Section(self._word("energies"), headings, tuple(rows), notes)

    def _indicators(self) -> Section:
        found = figures(self._connection, Scope(self._park), self._period, given=Given(until_ms=self._stop_ms))
        rows = []
        for figure in found:
            known = INDICATORS[figure.name]
            why = (figure.unavailable_zh if self._language == "zh" else figure.unavailable) or self._doubt(figure)
            name = known.name_zh if self._language == "zh" else known.name_en
            address = IndicatorAddress(self._park, figure.name, self._period)
            rows.append((name, figure.value, figure.unit, figure.coverage_pct, figure.estimated_pct, why, str(address)))
        headings = self._headings(
            "indicator", ("value", 4), "unit", ("coverage", 1), ("estimates", 1), "remark", "address"
        )
        return Section(self._word("indicators"), headings, tuple(rows), (self._word("indicators_note"),))

    def _doubt(self, figure: Figure) -> str | None:
        """Of a maximum in an estimated interval: what the highest of the good ones is."""
        if figure.details.get("quality") != "estimated":
            return None
        good = figure.details.get("good_maximum_kw")
        return self._word("no_good") if good is None else self._word("good_maximum").format(kw=f"{good:,.4g}")

    def _completeness(self) -> Section:
        coverages = [row[-1] for row in self._energies if row[-1] is not None]
        score = sum(coverages) / len(coverages) if coverages else None
        gaps = self._connection.execute(statement("reports/gaps"), self._bound).fetchall()
        rows: list[tuple[Cell, ...]] = [(self._word("score"), score, None)]
        rows += [(f"{self._word('gaps')}: {self._word(f'cause_{cause}')}", hours / 3600, count)
                 for cause, count, hours in gaps]  # fmt: skip
        headings = self._headings("subject", ("pct_or_hours", 2), ("number", 0))
        return Section(self._word("completeness"), headings, tuple(rows))

    def _bills(self) -> Iterator[Section]:
        accounts = sorted({row[6] for row in self._energies if row[6]})
        for month in _months(self._period):
            rows: list[tuple[Cell, ...]] = []
            notes: list[str] = []
            for account in accounts:
                try:
                    bill = current_bill(self._connection, account, month.text)
                    if bill.park != self._park:
                        raise BillError(f"it is supplied in {bill.park}")
                except BillError as error:
                    notes.append(self._word("no_bill").format(account=account, why=error))
                    continue
                rows += self._bill(bill)
                notes += [f"{account}: {remark}" for remark in remarks(bill, self._language)]
                self._example_tariff |= example(bill)
            headings = self._headings(
                *("account", "line", ("quantity", 3), "unit", ("price", 6), ("amount", 2), "doubts", "plan", "address")
            )
            yield Section(f"{self._word('bills')} {month.text}", headings, tuple(rows), tuple(notes))

    def _bill(self, bill: Bill) -> list[tuple[Cell, ...]]:
        revision = bill.closing.revision if bill.closing else None
        chinese = self._language == "zh"
        plan = f"{bill.plan_name_zh if chinese else bill.plan_name_en} [{bill.plan_version[:8]}]"

        def address(line: str) -> str:
            return str(BillAddress(bill.park, bill.account, self._period_of(bill), line, revision))

        rows: list[tuple[Cell, ...]] = []
        for line in bill.lines:
            named = (bill.account, line.name_zh if chinese else line.name_en)
            priced = (line.quantity, line.unit, line.price, line.amount_cny)
            rows.append((*named, *priced, marked(line.marks, bill.peak, self._language), plan, address(line.code)))
        state = self._word("provisional") if bill.closing is None else f"{self._word('closed')} @{revision}"
        total = f"{self._word('total')} ({state})"
        marks = marked(bill.marks, bill.peak, self._language)
        return [*rows, (bill.account, total, None, "", None, bill.total_cny, marks, plan, address("total"))]

    def _period_of(self, bill: Bill) -> Period:
        return month_of(from_ms(bill.start_ms).astimezone(self._period.zone).date(), self._period.zone)

    def _clusters(self) -> Section:
        found = cluster_figures(self._connection, quarter(self._period.text))
        rows: list[tuple[Cell, ...]] = []
        for each in found.clusters:
            name = each.cluster.name_zh if self._language == "zh" else each.cluster.name_en
            for key in _CLUSTER_FIGURES:
                figure, defined = each[key], BY_NAME[key]
                reason = figure.unavailable
                why = None if reason is None else reason.zh if self._language == "zh" else reason.en
                label = defined.zh if self._language == "zh" else defined.en
                address = str(ClusterAddress(each.cluster.id, key, self._period))
                basis = figure.basis(self._language)
                rows.append(
                    (
                        name,
                        label,
                        figure.value,
                        figure.unit,
                        basis,
                        figure.coverage_pct,
                        figure.estimated_pct,
                        why,
                        address,
                    )
                )
        headings = self._headings(
            *("cluster", "figure", ("value", 3), "unit", "basis", ("metered_coverage", 1), ("estimates", 1)),
            *("reason", "address"),
        )
        self._example_output = found.example
        return Section(self._word("clusters"), headings, tuple(rows))


def _names(devices: Iterable[tuple[str, str, str]], language: Language) -> dict[tuple[str, str], str]:
    """What devices are called, by gateway and device; with both behind it where several have one name."""
    given = {(gateway, device): half(name, language) for gateway, device, name in devices}
    shared = Counter(given.values())
    named = {}
    for (gateway, device), name in given.items():
        identifier = f"{gateway}/{device}"
        named[gateway, device] = f"{name} ({identifier})" if name and shared[name] > 1 else name or identifier
    return named


def _months(period: Period) -> Sequence[Period]:
    return [month_of(day, period.zone) for day in period.days if day.day == 1]
