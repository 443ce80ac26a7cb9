"""A statement as a workbook and a PDF, read back: what the ledger says, the marks, the same bytes, hostile texts."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from openpyxl import Workbook, load_workbook
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_accounting.report.draw import draw_pdf, draw_xlsx
from parkgrid_accounting.report.form import Language
from parkgrid_domain.vpp import forms
from parkgrid_domain.vpp.documents import Dispute, KnownLater, Operator, kind_of
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.ledger import Act, write
from parkgrid_vpp.printed.statement import statement_report
from parkgrid_vpp.printed.words import SIMULATION, WORDS
from tests.accounting.printed import pages_of
from tests.vpp.settled_pilot import READINGS, acts, statement
from tests.vpp.small_pilot import BASELINE, PACK, shipped_baseline_digest

START = datetime(2026, 6, 24, 6, 0, tzinfo=UTC)
"""14:00 in Shenzhen."""
FIRST, SECOND = "ev-1-op-1-1", "ev-1-op-1-2"
LATER = KnownLater("load-1", date(2026, 6, 22), 200_000, 201_500)
LANGUAGES: tuple[Language, ...] = ("zh", "en")
HOSTILE = '=HYPERLINK("http://example.com","pay")'


def pilot_of(*more: tuple[str, Any]) -> Pilot:
    """The settled pilot and what is written after it."""
    pilot = Pilot()
    written = [*acts(START), *((START + timedelta(days=1), Act(*each)) for each in more)]
    for at, act in written:
        told = forms.document(act.document)
        pilot.follow([Entry.after(pilot.head, kind_of(act.document), act.subject, at, "Li Wei", told)])
    return pilot


@pytest.fixture(scope="module")
def pilot() -> Pilot:
    """With a revision after a dispute, in which a day of the baseline is known otherwise."""
    digest = pilot_of().statements[FIRST][1].digest
    changes = {"statement": SECOND, "revision": 2, "supersedes": digest, "cause": "dispute dis-1"}
    return pilot_of(("ev-1", replace(statement(START), **changes, known_later=(LATER,))))


def book_of(pilot: Pilot, name: str, language: Language) -> Workbook:
    content = draw_xlsx(statement_report(pilot, pilot.statements[name], language))
    return load_workbook(io.BytesIO(content))


def rows_of(book: Workbook, section: str, language: Language) -> list[tuple[Any, ...]]:
    """The rows of a table, without notes."""
    rows = list(book[WORDS[section][language]].iter_rows(min_row=4, values_only=True))
    return rows[: next((place for place, row in enumerate(rows) if not any(row)), len(rows))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_money_of_the_workbook_is_that_of_the_ledger(pilot: Pilot, language: Language) -> None:
    told = pilot.statements[SECOND][2]
    rows = rows_of(book_of(pilot, SECOND, language), "money", language)
    for row, line in zip(rows, told.lines, strict=False):
        assert line.resource in row[0]
        amounts = (line.payment, line.penalty, line.payment - line.penalty, line.operator_part, line.user_part)
        assert [Decimal(str(each)) for each in row[3:8]] == list(amounts)
    assert [row[2] for row in rows] == [500, 200, None]
    assert rows[0][8:] == ("30 / 70", "100 / 0")
    assert [Decimal(str(each)) for each in rows[-1][3:6]] == [told.payment, told.penalty, told.net]
    assert sum(map(Decimal, map(str, rows[-1][6:8]))) == told.net


@pytest.mark.parametrize("language", LANGUAGES)
def test_intervals_and_quarter_hours_of_both_levels(pilot: Pilot, language: Language) -> None:
    book, told = book_of(pilot, SECOND, language), pilot.statements[SECOND][2]
    of_award = rows_of(book, "quarters.award", language)
    of_resources = rows_of(book, "quarters.resources", language)
    quarters = [*told.quarters, *(each for one in told.resources for each in one.quarters)]
    for row, each in zip([*of_award, *(row[2:] for row in of_resources)], quarters, strict=True):
        energies = (each.award_wh, each.baseline_wh, each.metered_wh, each.moved_wh)
        assert row[1:5] == tuple(None if wh is None else wh / 1000 for wh in energies)
        assert row[5] == WORDS[f"verdict.{each.verdict}"][language]
    assert (of_award[0][0], of_award[3][0]) == ("2026-06-24 14:00", "2026-06-24 14:45")
    assert of_resources[-1][5:] == (
        20,
        None,
        *(WORDS[key][language] for key in ("verdict.unverified", "unsure.finding")),
    )
    assert [row[1] for row in of_resources] == [None] * 4 + [50] * 4, "as it was frozen, before the factor of 1.1"
    (interval,) = rows_of(book, "intervals", language)
    assert (interval[0], *interval[2:]) == ("2026-06-24 14:00", 650, 630, 630, 1890, 0, 4)


def test_which_statement_it_is_and_where_it_stands(pilot: Pilot) -> None:
    facts = dict(rows_of(book_of(pilot, SECOND, "en"), "summary", "en"))
    former, entry = pilot.statements[FIRST][1], pilot.statements[SECOND][1]
    assert facts["Status"] == SIMULATION
    assert facts["Event"] == "Peak shaving (ev-1)"
    assert facts["Operator"] == "Operator one (op-1)"
    assert facts["Award"] == "aw-1, 700 kW"
    assert facts["Opted out"].endswith("too late, changes nothing: the chiller is needed")
    assert facts["Price"] == "3 yuan/kWh simulation"
    assert facts["Net"] == f"{pilot.statements[SECOND][2].net:,.2f} yuan simulation"
    assert facts["Verdicts of the resources by quarter hour"] == "delivered 5, partly delivered 2, unverified 1"
    assert "guangdong-2026" in facts["Settlement rules"]
    assert facts["SHA-256 of the settlement rules"] == PACK.digest
    assert (facts["Revision"], facts["Cause"]) == ("2", "dispute dis-1")
    assert facts["Supersedes"] == f"{FIRST}, Entry {former.number}, {former.digest}"
    assert (facts["Entry in the ledger"], facts["By"]) == (f"Entry {entry.number}", "Li Wei")
    assert (facts["Digest"], facts["Digest of the entry before"]) == (entry.digest, entry.previous)
    assert pilot.head is not None
    assert facts["Head of the chain when this was made"].startswith(f"Entry {pilot.head.number}, ")
    assert facts["Head of the chain when this was made"].endswith(pilot.head.digest)


def test_what_the_money_rests_on(pilot: Pilot) -> None:
    book = book_of(pilot, SECOND, "en")
    storage, load = rows_of(book, "baselines", "en")
    assert storage[1:3] == ("own meter", None)
    assert load[2:5] == (shipped_baseline_digest(), "yes", "yes")
    assert (BASELINE in load[1], load[5].startswith("By the factor 1.1: before the event 55 kWh")) == (True, True)
    assert load[6:] == (READINGS, READINGS, READINGS)
    days = [row[1:] for row in rows_of(book, "days", "en")]
    assert days[0] == ("2026-06-23", "counts", 200, 400, None)
    assert days[3:] == [
        ("2026-06-20", "too low", 4, None, "mean 200000 Wh"),
        ("2026-06-19", "not sure", None, None, "no reading"),
    ]
    assert [row[2] for row in rows_of(book, "findings", "en")] == ["jumped"]
    assert [row[1:] for row in rows_of(book, "known_later", "en")] == [("2026-06-22", 200, 201.5)]
    assert [row[0] for row in rows_of(book, "revisions", "en")] == [FIRST, SECOND]
    assert [row[2] for row in rows_of(book, "disputes", "en")] == ["raised"]


@pytest.mark.process
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_simulation_is_marked_on_every_page_and_behind_every_amount(
    pilot: Pilot, language: Language, tmp_path: Path
) -> None:
    report, mark = statement_report(pilot, pilot.statements[FIRST], language), WORDS["simulation"][language]
    amounts = [cell for sheet in load_workbook(io.BytesIO(draw_xlsx(report))) for cell in _amounts(sheet, language)]
    assert len(amounts) == 23
    assert all(cell.number_format.endswith(f'" {mark}"') for cell in amounts)
    for sheet in load_workbook(io.BytesIO(draw_xlsx(report))):
        assert SIMULATION in sheet["A2"].value
        assert SIMULATION in sheet.oddFooter.center.text
        assert sheet.print_title_rows == "$1:$3"
    file = tmp_path / "statement.pdf"
    file.write_bytes(draw_pdf(report))
    pages = pages_of(file)
    assert len(pages) > 1
    gone = WORDS["superseded_by"][language].format(name=SECOND).replace(" ", "")
    assert all("模拟/simulation" in page and gone in page for page in pages)
    whole = "".join(pages)
    for text in (f"1,890.00{mark}", f"567.00{mark}", pilot.statements[FIRST][1].digest, PACK.digest):
        assert text in whole
    told = pilot.statements[FIRST][2]
    for each in told.resources:
        assert f"({each.resource})" in whole


def _amounts(sheet: Any, language: Language) -> Iterator[Any]:
    for column in sheet.iter_cols(min_row=3):
        if str(column[0].value).endswith(f"({WORDS['yuan'][language]})"):
            yield from (cell for cell in column[1:] if cell.value is not None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_may_be_paid_has_no_mark(pilot: Pilot, language: Language) -> None:
    book, entry, told = pilot.statements[SECOND]
    report = statement_report(pilot, (book, entry, replace(told, status="payable")), language)
    assert report.marks == ()
    assert report.subtitle.endswith(WORDS["payable"][language])
    assert not any(heading.mark for section in report.sections for heading in section.headings)
    sheets = load_workbook(io.BytesIO(draw_xlsx(report))).worksheets
    texts = [str(cell.value) for sheet in sheets for row in sheet.iter_rows() for cell in row]
    about_the_pack = PACK.name_zh if language == "zh" else PACK.name_en
    assert not [text for text in texts if SIMULATION in text or (" simulation" in text and about_the_pack not in text)]


def test_the_same_ledger_gives_the_same_bytes(pilot: Pilot) -> None:
    for draw in (draw_xlsx, draw_pdf):
        one, two = (draw(statement_report(pilot, pilot.statements[FIRST], "zh")) for _ in range(2))
        assert one == two
    # The clock of the machine is nowhere in the workbook.
    with zipfile.ZipFile(io.BytesIO(draw_xlsx(statement_report(pilot, pilot.statements[FIRST], "zh")))) as file:
        assert {each.date_time for each in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"dcterms" not in file.read("docProps/core.xml").replace(b"xmlns:dcterms", b"")


@pytest.mark.process
def test_names_and_texts_that_people_chose_are_never_computed(tmp_path: Path) -> None:
    raised = Dispute("dis-2", FIRST, "raised", "@SUM(1+1)*cmd|' /C calc'!A0", date(2026, 7, 4))
    pilot = pilot_of(("op-1", Operator(HOSTILE, '+1<b>&"\u202e')), ("ev-1", raised))
    for language, name in (("zh", HOSTILE), ("en", '+1<b>&" ')):
        book = book_of(pilot, FIRST, language)  # type: ignore[arg-type]
        assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
        facts = dict(rows_of(book, "summary", language))  # type: ignore[arg-type]
        assert facts[WORDS["operator"][language]] == f"{name} (op-1)"
    cell = book["Disputes"]["F5"]
    assert (cell.value, cell.quotePrefix) == (raised.text, True)
    file = tmp_path / "statement.pdf"
    file.write_bytes(draw_pdf(statement_report(pilot, pilot.statements[FIRST], "en")))
    assert '+1<b>&"(op-1)' in "".join(pages_of(file))


def test_the_command_writes_both_files_and_refuses_in_words(dsn: str, tmp_path: Path) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        stored = Pilot()
        for at, act in acts(START):
            write(connection, stored, [act], "Li Wei", at)

    def run(*arguments: object) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, ["vpp", "statement", *map(str, arguments), "--dsn", dsn])
        return done.exit_code, done.stdout, done.stderr

    pdf, xlsx = tmp_path / "s.pdf", tmp_path / "s.xlsx"
    assert run(FIRST, "--pdf", pdf, "--xlsx", xlsx, "--lang", "en") == (0, f"{xlsx}\n{pdf}\n", "")
    assert load_workbook(xlsx)["Summary"]["A1"].value == f"VPP statement {FIRST}"
    assert xlsx.read_bytes() == draw_xlsx(statement_report(stored, stored.statements[FIRST], "en"))
    assert pdf.read_bytes().startswith(b"%PDF")
    assert run("ev-9", "--pdf", pdf)[::2] == (1, f"error: 'ev-9' is not a statement; the latest are: {FIRST}\n")
    assert run(FIRST)[::2] == (2, "nothing to write: name a file with --pdf or --xlsx\n")
    status, _, says = run(FIRST, "--pdf", tmp_path / "none" / "s.pdf", "--lang", "en")
    assert (status, "cannot be written" in says) == (2, True)
