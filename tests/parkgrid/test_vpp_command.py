"""`parkgrid vpp` as people type it: acts in the ledger with their name, refusals in words."""

import json
from datetime import UTC, datetime

import psycopg
import pytest
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
