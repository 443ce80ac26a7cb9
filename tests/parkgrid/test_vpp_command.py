"""`parkgrid vpp` as people type it: acts in the ledger with their name, refusals in words."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_domain.vpp.documents import Phase
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.ledger import Act, follow, write
from tests.vpp.small_pilot import registry, rules

RUN = CliRunner()


def run(*arguments: object):
    return RUN.invoke(app, ["vpp", *map(str, arguments)])


@pytest.fixture
def pilot_dsn(dsn: str) -> str:
    """A database with the small pilot in its ledger."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        acts = [Act(subject, document) for subject, document in [*rules(), *registry()]]
        write(connection, Pilot(), acts, "the bureau", datetime(2026, 6, 1, tzinfo=UTC))
    return dsn


def followed(dsn: str) -> Pilot:
    pilot = Pilot()
    with psycopg.connect(dsn, autocommit=True) as connection:
        follow(connection, pilot)
    return pilot


def test_a_phase_is_written_with_who_and_when(pilot_dsn: str) -> None:
    done = run(
        "phase", "load-1", "suspended", "--by", "Li Wei", "--on", "2026-06-02", "--note", "x", "--dsn", pilot_dsn
    )
    assert (done.exit_code, done.output) == (0, "entry 23: phase load-1\n")
    pilot = followed(pilot_dsn)
    assert pilot.phases["load-1"][-1].note == "x"
    assert pilot.head is not None
    assert (pilot.head.by, pilot.head.document["on"]) == ("Li Wei", "2026-06-02")


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["load-1", "announced"], 1, "error: load-1 is active: next may be suspended, left"),
        (["load-9", "active"], 1, "the resource load-9 is not registered"),
        (["load-1", "gone"], 2, "'gone' is not a phase: registered, documents"),
        (["load-1", "left", "--on", "1.7.2026"], 2, "'1.7.2026' is not a day"),
        (["load-1", "left", "--on", "2026-05-01"], 1, "has been active since 2026-05-05"),
    ],
)
def test_what_may_not_be_is_refused_in_words(pilot_dsn: str, arguments: list[str], status: int, says: str) -> None:
    refused = run("phase", *arguments, "--by", "Li Wei", "--dsn", pilot_dsn)
    assert refused.exit_code == status
    assert says in refused.stderr
    assert followed(pilot_dsn).phases["load-1"][-1] == Phase("active", followed(pilot_dsn).phases["load-1"][-1].on, "")


@pytest.mark.process
def test_a_database_that_is_not_there_is_said_in_words() -> None:
    refused = run("phase", "load-1", "left", "--by", "x", "--dsn", "host=127.0.0.1 port=1")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: ")


def test_the_chain_is_checked_and_an_empty_one_is_not_called_valid(pilot_dsn: str) -> None:
    checked = run("ledger", "check", "--json", "--dsn", pilot_dsn)
    assert checked.exit_code == 0
    assert json.loads(checked.output)["digest"] == followed(pilot_dsn).head.digest  # type: ignore[union-attr]
    with psycopg.connect(pilot_dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE base.vpp_entry DISABLE TRIGGER append_only")
        connection.execute("UPDATE base.vpp_entry SET by = 'somebody else' WHERE number = 5")
    broken = run("ledger", "check", "--dsn", pilot_dsn)
    assert (broken.exit_code, "entry 5 was altered" in broken.stderr) == (1, True)
    with psycopg.connect(pilot_dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE base.vpp_entry DISABLE TRIGGER append_only")
        connection.execute("DELETE FROM base.vpp_entry")
    assert run("ledger", "check", "--dsn", pilot_dsn).output == "not checked: the ledger has no entries\n"


def test_the_registry_goes_out_and_in_by_file(pilot_dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "registry.xlsx"
    assert run("registry", "template", tmp_path / "empty.xlsx").exit_code == 0
    done = run("registry", "export", file, "--dsn", pilot_dsn, "--lang", "en")
    assert (done.exit_code, done.stdout.replace("\n", "")) == (0, f"{file}: 24 rows")
    before = followed(pilot_dsn).head
    same = run("registry", "import", file, "--by", "Li Wei", "--dsn", pilot_dsn)
    assert (same.exit_code, same.stdout) == (0, "共 19 条：新增 0，变更 0，未变 19\n")
    assert followed(pilot_dsn).head == before
    book = load_workbook(file)
    book["运营商 Operators"]["B2"] = "新名称"
    book["资源 Resources"]["G2"] = "much"
    book.save(file)
    wrong = run("registry", "import", file, "--by", "Li Wei", "--dsn", pilot_dsn)
    assert (wrong.exit_code, followed(pilot_dsn).head) == (1, before)
    assert wrong.stdout == "资源 Resources!G2: “much”不是数字：请写 1234.5 或 1,234.5，单位写在单位列\n"
    assert "1 处错误，整个文件未写入" in wrong.stderr
    book["资源 Resources"]["G2"] = 201.5
    book.save(file)
    dry = run("registry", "import", file, "--by", "Li Wei", "--dsn", pilot_dsn, "--dry-run", "--lang", "en")
    assert dry.stdout == "19 entries: 0 new, 2 changed, 17 unchanged (dry run, nothing was written)\n"
    assert run("registry", "import", file, "--by", "Li Wei", "--dsn", pilot_dsn).exit_code == 0
    assert followed(pilot_dsn).operators["op-1"].name_zh == "新名称"
    gone = run("registry", "import", tmp_path / "gone.xlsx", "--by", "x", "--dsn", pilot_dsn, "--lang", "en")
    assert (gone.exit_code, "cannot be read" in gone.stderr) == (2, True)


def test_capability_and_forecast_are_told(pilot_dsn: str) -> None:
    told = run("capability", "--dsn", pilot_dsn, "--at", "2026-06-24T14:07+08:00", "--json")
    found = json.loads(told.stdout)
    assert (found["of"], found["start"], len(found["quarters"])) == ("pool", "2026-06-24T06:00:00+00:00", 96)
    # Nothing was read in this store, so nothing is promised.
    assert found["quarters"][50]["up_limit"] == "unknown"
    lines = run("capability", "load-1", "--dsn", pilot_dsn).stdout.splitlines()
    assert (len(lines), lines[-1]) == (26, "confidence not known")
    wrong = run("capability", "load-9", "--dsn", pilot_dsn)
    assert (wrong.exit_code, "'load-9' is no active resource, transformer or park" in wrong.stderr) == (1, True)
    assert run("forecast", "--dsn", pilot_dsn).stdout == "no forecasts\n"


def test_a_baseline_is_tried_over_a_year_and_the_result_is_in_the_ledger(pilot_dsn: str) -> None:
    done = run("eligibility", "--by", "Li Wei", "--to", "2026-06-30", "--dsn", pilot_dsn)
    assert (done.exit_code, done.output.startswith("load-1: nothing was drawn on these days (0 days")) == (0, True)
    found = followed(pilot_dsn).eligibility["load-1"]
    assert (found.to, found.passes) == (date(2026, 6, 30), False)
    for arguments, says in (
        (["storage-1"], "storage-1 settles on its own meter"),
        (["load-9"], "load-9 is not registered"),
        (["--class", "weekly"], "'weekly' is not a notice class"),
        (["--pack", "mine"], "'mine' is no settlement pack"),
    ):
        assert says in run("eligibility", *arguments, "--by", "x", "--dsn", pilot_dsn).stderr


def test_a_replay_writes_nothing(pilot_dsn: str) -> None:
    before = followed(pilot_dsn).head
    done = run("replay", "op-1", "--pack", "sichuan-like-2023", "--dsn", pilot_dsn)
    assert done.output == "模拟 / simulation: 0 awards under sichuan-like-2023: 0 yuan\n"
    assert followed(pilot_dsn).head == before
    assert "'op-9' is not an operator: one of op-1, op-2" in run("replay", "op-9", "--dsn", pilot_dsn).stderr
