"""The report of a quarter, computed by hand from a small ledger, and its sums against those of the statements."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_accounting.report.draw import draw_pdf, draw_xlsx
from parkgrid_accounting.report.form import Language, Report, Section
from parkgrid_domain.period import period
from parkgrid_domain.vpp import forms
from parkgrid_domain.vpp.capability.forecast import Score
from parkgrid_domain.vpp.documents import Dispute, Eligibility, Operator, kind_of
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.errors import PilotError
from parkgrid_vpp.forecast import ParkScore
from parkgrid_vpp.ledger import Act, write
from parkgrid_vpp.printed.period.report import period_report
from parkgrid_vpp.printed.period.telling import Facts, report_period
from parkgrid_vpp.printed.words import SIMULATION, WORDS
from tests.accounting.printed import pages_of
from tests.vpp.settled_pilot import acts, statement
from tests.vpp.small_pilot import PARK, event, shipped_baseline_digest

START = datetime(2026, 6, 24, 6, 0, tzinfo=UTC)
LAST_HOUR = datetime(2026, 6, 30, 15, 30, tzinfo=UTC)
"""23:30 of the quarter's last day in Shenzhen."""
LATER = datetime(2026, 9, 1, tzinfo=UTC)
FACTS = Facts(
    LATER,
    {PARK: ("甲园", "Park A")},
    (ParkScore(PARK, "seasonal-naive", START, Score(600, 12_000, -3_000, 540)),),
)
REVISED = Decimal("1.37")
"""The revision pays and charges so much more in the storage's line, of which the operator gets all."""


def _revision(digest: str) -> Any:
    first = statement(START)
    line = first.lines[0]
    more = replace(line, payment=line.payment + REVISED, operator_part=line.operator_part + REVISED)
    return replace(
        first,
        statement="ev-1-op-1-2",
        revision=2,
        supersedes=digest,
        cause="dispute dis-1",
        lines=(more, *first.lines[1:]),
        payment=first.payment + REVISED,
        net=first.net + REVISED,
    )


def pilot_of(*, revised: bool = True, status: str = "simulation") -> Pilot:
    """The settled pilot, a revision of its statement, and an event across the border of the quarter."""
    pilot = Pilot()

    def written(at: datetime, subject: str, document: Any) -> None:
        told = forms.document(document)
        pilot.follow([Entry.after(pilot.head, kind_of(document), subject, at, "Li Wei", told)])

    for at, act in acts(START):
        document = act.document
        if getattr(document, "status", "") == "simulation":
            document = replace(document, status=status)  # type: ignore[type-var]
        written(at, act.subject, document)
    written(START, "ev-border", replace(event(LAST_HOUR, 1), name_en="Across the border"))
    errors = [Decimal(each) for each in ("12.5", "-1.2", "8.4")]
    rule = (shipped_baseline_digest(), date(2025, 6, 1), date(2026, 5, 31), 240, *errors)
    written(START, "load-1", Eligibility("workday-5", *rule, passes=True, why=""))
    if revised:
        written(LATER, "ev-1", replace(_revision(pilot.statements["ev-1-op-1-1"][1].digest), status=status))
        decided = Dispute("dis-1", "ev-1-op-1-1", "decided", "the change is declared", date(2026, 7, 20))
        written(LATER, "ev-1", decided)
    return pilot


def told(pilot: Pilot, text: str = "2026-Q2", language: Language = "en", facts: Facts = FACTS) -> Report:
    return period_report(pilot, period(text), facts, language)


def section(report: Report, key: str, more: str = "") -> Section:
    title = WORDS[key][report.language] + more
    return next(each for each in report.sections if each.title == title)


def test_energy_and_power_of_each_event_by_hand() -> None:
    found = section(told(pilot_of()), "events")
    settled, under_way, border, shaved, filled = found.rows
    # The storage: 4 x 125 kWh awarded and given back. The load: 4 x 50 kWh awarded; 55 - 0, 55 - 10, 55 - 25 kWh in the
    # three quarter hours that are verified; the fourth is under a finding.
    assert settled[:3] == ("Peak shaving (ev-1)", "2026-06-24 14:00 – 2026-06-24 15:00", "Peak shaving, settled")
    assert settled[3:6] == (700, 700, Decimal("673.333")), "(3 * 500 + 220 + 180 + 120) / 3 kW"
    assert settled[6:] == (700, 650, 50, 0, 630, Decimal("96.9"))
    # 400 kW for an hour, no statement yet: nothing is known, and nothing is zero.
    assert under_way[5:] == (None, 400, 0, 0, 400, None, None)
    assert (border[0], border[4], border[6:]) == ("Across the border (ev-border)", None, (None,) * 6)
    assert (shaved[0], shaved[6:]) == ("Total: Peak shaving", (700, 650, 50, 0, 630, Decimal("96.9")))
    assert filled[6:] == (400, 0, 0, 400, None, None)
    energies = [row[1] for row in section(told(pilot_of()), "summary").rows if str(row[0]).startswith("Energy")]
    assert energies == ["630 kWh, Response rate 96.9 %", "not known: no quarter hour is verified"]
    judged = section(told(pilot_of()), "verdicts")
    assert judged.rows[0][1:] == (2, 2, 0, 0, 2, 2, 100), "180, 170, 155 of 175 kWh; 125 of 125"
    assert judged.rows[1][1:] == (None,) * 7


def test_what_is_not_known_is_named() -> None:
    facts = replace(FACTS, forecasts=())
    rows = section(told(pilot_of(revised=False), facts=facts), "unknown").rows
    assert [row[:3] for row in rows] == [
        ("Unverified quarter hours of resources: a register finding is open", 1, 50),
        ("Not settled yet: Valley filling (ev-2)", None, 400),
        ("Open disputes", 1, None),
        ("Forecast accuracy", None, None),
    ]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_money_is_that_of_the_newest_statements_to_the_cent(language: Language) -> None:
    pilot = pilot_of()
    newest = pilot.statements["ev-1-op-1-2"][2]
    sums = (newest.payment, newest.penalty, newest.net)
    parts = [sum((getattr(line, name) for line in newest.lines), Decimal(0)) for name in ("operator_part", "user_part")]
    report, mark = told(pilot, language=language), WORDS["simulation"][language]
    assert newest.payment == statement(START).payment + REVISED, "the revision, once"
    for key, before in (("money.events", 2), ("money.operators", 2), ("money.lines", 4)):
        found = section(report, key, f": {mark}")
        assert found.rows[-1][before:] == (*sums, *parts)
        for place in range(before, before + 5):
            assert sum((Decimal(row[place]) for row in found.rows[:-1]), Decimal(0)) == found.rows[-1][place]
            assert found.headings[place].mark == mark
    assert len(section(report, "money.lines", f": {mark}").rows) == len(newest.lines) + 1
    assert report.marks == (SIMULATION,)
    nets = [row[2] for row in section(report, "revisions", f": {mark}").rows]
    assert nets == [newest.net - REVISED, newest.net]


def test_what_can_be_paid_has_no_mark() -> None:
    report = told(pilot_of(status="payable"))
    assert report.marks == ()
    assert not any(heading.mark for each in report.sections for heading in each.headings)
    assert section(report, "money.lines", ": payable").rows


def test_an_event_belongs_to_the_quarter_in_which_it_begins() -> None:
    pilot = pilot_of()
    names = {text: [row[0] for row in section(told(pilot, text), "events").rows] for text in ("2026-Q2", "2026-Q3")}
    assert "Across the border (ev-border)" in names["2026-Q2"]
    assert names["2026-Q3"] == ["Evening peak (ev-3)", "Total: Peak shaving"]
    year = [row[0] for row in section(told(pilot, "2026"), "events").rows]
    assert len([name for name in year if not name.startswith("Total")]) == 4
    nothing = told(pilot, "2025-Q4")
    assert section(nothing, "events").rows == ()
    assert section(nothing, "money.lines").notes[0] == "none"


def test_funnel_disputes_accuracy_and_head() -> None:
    pilot = pilot_of()
    report = told(pilot)
    rows = {row[:2]: row[2:] for row in section(report, "funnel").rows}
    # The revision is settled, so both resources count in the last stage; 500 + 200 kW up, 500 kW down.
    assert rows["all", "All"] == (2, 2, 2, 2, 2, 700, 500)
    assert rows["park", "Park A (park-a)"] == rows["all", "All"]
    assert rows["Transformer district", "Transformer (tr-1)"] == rows["all", "All"]
    assert section(told(pilot, "2026-Q3"), "funnel").rows[0][2:7] == (2, 2, 2, 0, 0)
    assert section(told(pilot, "2025-Q4"), "funnel").rows[0][2:7] == (0, 0, 0, 0, 0), "the phases begin in May"
    ((name, of, state, *_, text, by_it),) = section(report, "disputes").rows
    assert (name, of, state, by_it) == ("dis-1", "ev-1-op-1-1", "decided (late)", "ev-1-op-1-2")
    assert text == "the change is declared"
    assert section(report, "forecasts").rows == (("Park A", "seasonal-naive", "2026-06-24 14:00", 600, 12, -3, 90),)
    assert section(report, "baseline_accuracy").rows[0][3:] == (
        *(240, Decimal("8.4"), Decimal("-1.2"), Decimal("12.5")),
        "yes",
    )
    facts = [row[1] for row in section(report, "summary").rows if row[0] == WORDS["head"]["en"]]
    assert pilot.head is not None
    assert [str(each).rsplit(" ", 1)[1] for each in facts] == [pilot.head.digest]
    assert (told(pilot).subtitle.split(" · ")[1], told(pilot, "2026").subtitle.split(" · ")[1]) == (
        "The period is over",
        "The period still runs: figures so far",
    )


@pytest.mark.process
def test_every_page_says_simulation_and_texts_are_never_computed(tmp_path: Path) -> None:
    pilot = pilot_of()
    hostile = Operator("=1+1", '+1<b>&"')
    pilot.operators["op-1"] = hostile
    one, two = (draw_xlsx(told(pilot, language="zh")) for _ in range(2))
    assert one == two
    book = load_workbook(io.BytesIO(one))
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    assert all(SIMULATION in str(sheet["A2"].value) for sheet in book)
    assert book.worksheets[0]["A1"].value == "虚拟电厂试点季度报告 2026年第二季度"
    file = tmp_path / "quarter.pdf"
    file.write_bytes(draw_pdf(told(pilot)))
    pages = pages_of(file)
    assert all("模拟/simulation" in page for page in pages)
    assert "ev-1-op-1-2" in "".join(pages)


@pytest.mark.parametrize("text", ["2026-Q5", "2026-06", "2026-06-24", "", "1999", "2026-Q2..2026-Q3"])
def test_a_period_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(PilotError, match="write 2026-Q4 or 2026"):
        report_period(text)


def test_the_command_reads_the_ledger_and_writes_both_files(dsn: str, tmp_path: Path) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        stored = Pilot()
        for at, act in acts(START):
            write(connection, stored, [Act(act.subject, act.document)], "Li Wei", at)
    pdf, xlsx = tmp_path / "q.pdf", tmp_path / "q.xlsx"
    command = ["vpp", "report", "2026-Q2", "--pdf", str(pdf), "--xlsx", str(xlsx), "--lang", "en", "--dsn", dsn]
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, done.stdout) == (0, f"{xlsx}\n{pdf}\n")
    assert load_workbook(xlsx)["Summary"]["A1"].value == "VPP pilot, quarterly report 2026-Q2"
    assert pdf.read_bytes().startswith(b"%PDF")
    refused = CliRunner().invoke(app, ["vpp", "report", "2026-06", "--pdf", str(pdf), "--dsn", dsn])
    assert refused.exit_code == 1
    assert "'2026-06' is not a quarter or a year" in refused.stderr
