"""`parkgrid vpp` from a call to an award, as people type it; refusals name the value and the remedy."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.ledger import Act, follow, write
from tests.vpp.small_pilot import BASELINE, registry, tried

RUN = CliRunner()
DAY = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d")
CALL = ["call", "--direction", "shave", "--target-kw", "600", "--id", "ev-1", "--by", "Li Wei"]
WHEN = ["--from", f"{DAY}T14:00", "--to", f"{DAY}T16:00", "--targets", "tr-1", "--pack", "guangdong-2026"]
BID = ["bid", "ev-1", "--operator", "op-1", "--price", "3", "--part", "storage-1=500", "--part", "load-1=100"]

Command = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def vpp(dsn: str) -> Command:
    """The command line over a database with the small pilot's registry, without any rules yet."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        write(connection, Pilot(), [Act(*each) for each in registry()], "the bureau", datetime(2026, 6, 1, tzinfo=UTC))

    def run(*arguments: object) -> tuple[int, str, str]:
        done = RUN.invoke(app, ["vpp", *map(str, arguments), "--dsn", dsn])
        return done.exit_code, done.stdout, done.stderr

    return run


def followed(dsn: str) -> Pilot:
    pilot = Pilot()
    with psycopg.connect(dsn, autocommit=True) as connection:
        follow(connection, pilot)
    return pilot


def test_a_call_writes_the_rules_that_are_missing_and_names_their_digests(vpp: Command, dsn: str) -> None:
    status, out, _ = vpp(*CALL, *WHEN, "--json")
    assert status == 0
    kinds = [each["kind"] for each in json.loads(out)["entries"]]
    assert kinds[:2] == ["rules", "rules"]
    assert kinds[-1] == "event"
    pilot = followed(dsn)
    event = pilot.events["ev-1"].event
    assert (event.target_w, event.notice_class, list(event.rules.baselines)) == (600_000, "day_ahead", [BASELINE])
    assert f"{event.from_:%H:%M}" == "06:00", "14:00 in Shenzhen"
    again = vpp(*CALL[:5], "--by", "x", "--json")
    assert [each["kind"] for each in json.loads(again[1])["entries"]] == ["rules", "event"], "the baseline is there"


def test_from_a_bid_to_what_people_see(vpp: Command) -> None:
    assert vpp(*CALL, *WHEN)[0] == 0
    assert vpp(*BID, "--by", "op-1")[:2] == (0, vpp("ledger", "check")[1].split()[0].join(["entry ", ": bid ev-1\n"]))
    assert "published" in vpp("events")[1]
    status, _, err = vpp("opt-out", "ev-1", "load-1", "--operator", "op-1", "--reason", "repair", "--by", "op-1")
    assert (status, err) == (0, "")
    assert "published; 1 bids" in vpp("event", "ev-1")[1]
    assert vpp("cancel", "ev-1", "--reason", "rain", "--by", "Li Wei")[0] == 0
    assert "cancelled  rain" in vpp("event", "ev-1")[1]
    assert json.loads(vpp("event", "ev-1", "--json")[1])["state"] == "cancelled"


def test_an_award_of_a_platform_above(vpp: Command, dsn: str, tmp_path) -> None:
    assert vpp(*CALL, *WHEN, "--setup", "upstream")[0] == 0
    with psycopg.connect(dsn, autocommit=True) as connection:
        write(connection, Pilot(), [Act(*tried())], "the bureau", datetime(2026, 6, 2, tzinfo=UTC))
    file = tmp_path / "award.json"
    file.write_text('{"price": "3", "awards": [{"award": "up-1", "operator": "op-1", "w": 350000}]}', "utf-8")
    assert vpp("award", "ev-1", file, "--by", "the platform")[0] == 0
    shown = vpp("event", "ev-1")[1]
    assert "award ev-1-op-1: op-1 350 kW at 3 yuan/kWh\n  load-1 100 kW\n  storage-1 250 kW\n" in shown
    assert "short of the target: 250 kW" in shown
    assert vpp("acknowledge", "ev-1", "ev-1-op-1", "--by", "op-1")[0] == 0
    assert list(followed(dsn).events["ev-1"].frozen) == ["ev-1-op-1"]
    file.write_text('{"price": 3, "awards": [{"award": "Up 1", "operator": "op-1", "w": 350}]}', "utf-8")
    status, _, err = vpp("award", "ev-1", file, "--by", "x")
    assert status == 1
    assert all(
        each in err
        for each in ("price: 3 is not a decimal", "'Up 1' is not small letters", "350 is not a multiple of 100")
    )


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (
            [*CALL, "--pack", "nowhere-2026"],
            1,
            "'nowhere-2026' is no settlement pack and no file: one of",
        ),
        ([*CALL[:4], "0.05", *CALL[5:]], 1, "the target is 0.05 kW: give more than 0, in steps of 0.1 kW"),
        ([*CALL[:4], "much", *CALL[5:]], 2, "--target-kw 'much' is not a number"),
        ([*CALL, "--from", "tomorrow"], 2, "'tomorrow' is not an instant: write local time, such as"),
        ([*CALL, "--from", "2026-01-05T14:00"], 1, "which is past: give a later --from"),
        ([*CALL, "--from", "2090-01-05T14:00"], 1, "no holidays are known for 2090"),
        ([*CALL, "--targets", "tr-9"], 1, "the place tr-9 is not registered"),
        ([*BID, "--by", "x"], 1, "'ev-1' is not an event; the latest are: none"),
        (["dispute", "raise", "s-1", "--text", "x", "--by", "x"], 1, "'s-1' is not a statement; the latest are: none"),
        (["dispute", "decide", "d-1", "--text", "x", "--by", "x"], 1, "'d-1' is not a dispute"),
        (["supersede", "ev-1", "--with", "ev-2", "--by", "x"], 1, "the event ev-1 is not published"),
    ],
)
def test_what_may_not_be_is_refused_in_words(vpp: Command, arguments: list[str], status: int, says: str) -> None:
    code, _, err = vpp(*arguments)
    assert (code, says in err) == (status, True), err
