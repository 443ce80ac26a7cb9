"""Two independent paths to the same cents: the product settles, the verifier recomputes from readings and rules."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_domain.vpp.documents import Statement
from parkgrid_vpp import settling, verify
from parkgrid_vpp.bundle import write
from tests.vpp.alterations import Bundle
from tests.vpp.fabricated import FOREIGN, KEY, RULE, START, Made, Wish, courses, evidence, made, read_as, read_registers

FORMER = (
    ("event_day_pct = 10", ""),
    ('penalty = "whole"', 'penalty = "verified"'),
    ("least_pct = 50", "least_pct = 0"),
)
TOO_LITTLE = (("least_pct = 50", "least_pct = 95"), ("below_pct = 50", "below_pct = 120"))
PLAIN_RULE = RULE.split("[adjustment]")[0]
WISHES = {
    "guangdong": Wish(),
    "another day": Wish(seed=7),
    "sichuan, by the hour": Wish("sichuan-like-2023", seed=2),
    "guangzhou, each for itself": Wish("guangzhou-like-2025", covers=False, interval_min=15, seed=3),
    "guangdong, each for itself": Wish(covers=False, seed=4),
    "filling a valley": Wish(direction="fill", seed=5),
    "estimates count": Wish(estimated="counts", seed=6),
    "a verified pack": Wish(status="verified", revisions=1),
    "no adjustment": Wish(rule=PLAIN_RULE, hours=1),
    "a shift": Wish(rule=RULE.replace("multiplicative", "additive"), seed=8),
    "capped": Wish(rule=RULE.replace("most_pct = 120", "most_pct = 101").replace("least_pct = 80", "least_pct = 99")),
    "workdays, the middle": Wish(
        rule=RULE.replace("same_kind", "workday").replace('"highest"', '"middle"').replace("= 3", "= 2")
    ),
    "any day, far ones dropped": Wish(
        rule=RULE.replace("same_kind", "any")
        .replace("high_pct = 200", "high_pct = 101")
        .replace("low_pct = 25", "low_pct = 99"),
    ),
    "too little is verified": Wish(changes=TOO_LITTLE),
    "each for itself, and too little": Wish(covers=False, changes=TOO_LITTLE, seed=9),
    "too little, and no breach": Wish(changes=(*TOO_LITTLE, ('"whole"', '"verified"'))),
    "before there were these rules": Wish(changes=FORMER, interval_min=15),
    "the dearest bid opts out": Wish(dearest_leaves=True, revisions=1),
    "its price stands": Wish(dearest_leaves=True, revisions=1, changes=(('"anew"', '"stands"'),)),
    "a small award is no event day": Wish(changes=(("event_day_pct = 10", "event_day_pct = 30"),)),
    "a window that was not read": Wish(
        rule=RULE + "unread_pct = 20\n", silent=(timedelta(minutes=100), timedelta(minutes=70)), hours=1
    ),
    "too many days not read": Wish(
        rule=RULE.replace("look_back_days", "most_unread_days = 0\nlook_back_days"),
        silent=(timedelta(hours=23, minutes=50), timedelta(hours=23, minutes=20)),
    ),
    "a window that was paid already": Wish(rule=RULE + 'event_window = "none"\n', called_before=True, hours=1),
    "a window that counts all the same": Wish(called_before=True, hours=1),
    "readings on every edge": Wish(on_edges=True, seed=10),
    "a meter changed on an edge": Wish(change_min=0, seed=11),
    "a meter changed and read on an edge": Wish(change_min=0, on_edges=True, seed=12),
    "not enough days": Wish(
        rule=RULE.replace("least_days = 4", "least_days = 8").replace("candidates = 4", "candidates = 8")
    ),
}


def saved(folder: Path, data: bytes, name: str = "x.bundle") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return saved(tmp_path, KEY.public.hex().encode() + b"\n", "centre.pub")


def last(made_: Made) -> Statement:
    return made_.pilot.events["ev-1"].statements["aw-1"][-1][1]


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES)
def test_the_verifier_comes_to_the_same_cents(tmp_path: Path, wish: Wish) -> None:
    found = made(wish)
    report = verify.report_on(saved(tmp_path, found.bundle), [KEY.public])
    assert report.refusal is None, report.refusal.sentence("en")
    statement = last(found)
    assert report.told["payment_cny"] == f"{statement.payment}"
    assert report.told["net_cny"] == f"{statement.net}"
    assert report.told["revisions"] == wish.revisions
    assert report.told["status"] == ("payable" if wish.status == "verified" else "simulation")


def test_the_fabricated_event_has_what_can_happen() -> None:
    """The comparison above is worth what the events hold: each verdict, each reason, each outcome of a day."""
    statement, outcomes = set(), set()
    for wish in (WISHES["guangdong"], WISHES["any day, far ones dropped"], WISHES["not enough days"]):
        book = made(wish).pilot.events["ev-1"]
        for _, each in book.statements["aw-1"]:
            quarters = [quarter for one in each.resources for quarter in one.quarters]
            statement |= {quarter.verdict for quarter in quarters} | {quarter.unsure for quarter in quarters}
        outcomes |= {day.outcome for one in book.frozen["aw-1"].resources for day in one.days}
    assert statement >= {"delivered", "not_delivered", "partial", "unverified"}
    assert statement >= {"estimated", "finding", "by_power", "no_baseline", "not_eligible"}
    assert outcomes >= {"counts", "not_picked", "other_kind", "event_day", "too_low", "too_high"}


def test_what_the_later_rules_come_to() -> None:
    """The comparison shows that both paths agree; this, that the rules were used at all."""
    silent, spared, plain = (
        last(made(WISHES[each])) for each in ("too little is verified", "too little, and no breach", "guangdong")
    )
    assert silent.payment == spared.payment == 0 < plain.payment
    assert silent.penalty > spared.penalty
    prices = [last(made(WISHES[each])).price for each in ("the dearest bid opts out", "its price stands")]
    assert prices == [Decimal("1.2345"), Decimal("2.5")]
    unread = made(WISHES["a window that was not read"]).pilot.events["ev-1"].adjusted["aw-1"].resources
    assert {each.resource for each in unread if each.applied == "not_read" and each.shift_wh < 0} == {"load-5"}
    days = {
        name: {
            day.day
            for one in made(wish).pilot.events["ev-1"].frozen["aw-1"].resources
            for day in one.days
            if one.resource == "load-5" and day.outcome == "event_day"
        }
        for name, wish in WISHES.items()
        if name in ("guangdong", "a small award is no event day")
    }
    held_back = made(WISHES["too many days not read"]).pilot.events["ev-1"].frozen["aw-1"].resources
    assert {each.resource for each in held_back if each.rule and not each.enough} == {"load-5"}
    assert (len(days["guangdong"]), len(days["a small award is no event day"])) == (1, 0)


def test_a_window_in_which_another_event_was_answered_adjusts_nothing() -> None:
    """What was drawn more to fill a valley would else be the baseline of the peak after it, and be paid twice."""
    found = {
        name: {
            each.resource: each.applied for each in made(WISHES[name]).pilot.events["ev-1"].adjusted["aw-1"].resources
        }
        for name in ("a window that was paid already", "a window that counts all the same")
    }
    paid, counts = found.values()
    assert {name for name in counts if counts[name] != paid[name]} == {"load-3", "load-4", "load-5"}
    assert {paid[name] for name in ("load-3", "load-4", "load-5")} == {"none"}
    assert {counts[name] for name in ("load-3", "load-4", "load-5", "load-2")} == {"factor"}


def test_a_day_whose_readings_come_after_all_is_told() -> None:
    """It chose the days of the baseline while it was silent; it moves nothing, but whoever disputes must see it."""
    wish = WISHES["too many days not read"]
    whole = replace(wish, silent=None)
    with read_as(evidence(read_registers(whole, courses(whole)))):
        (found,) = settling.statements(None, made(wish).pilot, "ev-1", "dispute d-2")  # type: ignore[arg-type]
    (told,) = (each for each in found.known_later if each.was_wh is None)
    assert (told.resource, told.day) == ("load-5", START.date() - timedelta(days=1))
    assert told.is_wh


def test_the_same_contents_give_the_same_bytes() -> None:
    assert write(made().contents, KEY) == write(made.__wrapped__().contents, KEY)


def test_exit_codes(tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(saved(tmp_path, made().bundle))
    assert verify.main([path, "--key", str(key)]) == verify.VERIFIED
    assert "VERIFIED [模拟 / simulation]" in capsys.readouterr().out
    assert verify.main([path]) == verify.UNKNOWN
    out = capsys.readouterr().out
    assert "RECOMPUTED, SIGNER UNKNOWN" in out
    assert "x.bundle: VERIFIED" not in out
    foreign = saved(tmp_path, FOREIGN.public.hex().encode(), "foreign.pub")
    assert verify.main([path, "--key", str(foreign)]) == verify.ALTERED
    assert "NOT VERIFIED: signature" in capsys.readouterr().out
    assert verify.main([path, "--key", str(foreign), "--key", str(key)]) == verify.VERIFIED
    for wrong in ([], [path, "--nothing"], [str(tmp_path / "none")], [path, "--key", path], [path, "--key", "none"]):
        assert verify.main(wrong) == verify.USAGE


def test_it_is_said_in_chinese_and_as_json(tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(saved(tmp_path, made().bundle))
    assert verify.main([path, "--key", str(key), "--lang", "zh", "--json"]) == verify.VERIFIED
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "x.bundle: 已验证 [模拟 / simulation]"
    told = json.loads(lines[-1])
    assert (told["exit"], told["second_history"], len(told["not_proven"])) == (0, None, 5)
    assert told["bundles"][0]["statement"] == "ev-1-op-1-2"
    assert told["bundles"][0]["head"]["number"] == len(made().entries)


def test_a_second_history_is_found(tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two bundles, each right by itself, of ledgers that part: somebody was shown another one."""
    whole, other = made(), made(replace(Wish(), seed=9))
    paths = [str(saved(tmp_path, each.bundle, f"{name}.bundle")) for name, each in (("a", whole), ("b", other))]
    first = next(
        number
        for number, (one, two) in enumerate(zip(whole.entries, other.entries, strict=True), 1)
        if one.digest != two.digest
    )
    for each in paths:
        assert verify.main([each, "--key", str(key)]) == verify.VERIFIED
    capsys.readouterr()
    assert verify.main([*paths, "--key", str(key), "--json"]) == verify.ALTERED
    out = capsys.readouterr().out
    assert json.loads(out.splitlines()[-1])["second_history"]["number"] == first
    assert f"a.bundle has another entry {first} than b.bundle: a second history" in out
    # A ledger that has only grown is no second one.
    shorter = replace(whole.contents, chain=[each.digest for each in whole.entries])
    grown = replace(shorter, chain=[*shorter.chain, "a" * 64])
    paths = [str(saved(tmp_path, write(each, KEY), f"{name}.bundle")) for name, each in (("a", shorter), ("b", grown))]
    assert verify.main([*paths, "--key", str(key)]) == verify.VERIFIED


@pytest.mark.process
def test_the_file_runs_alone(tmp_path: Path, key: Path) -> None:
    """Copied to a folder of its own, with the standard library alone."""
    alone = saved(tmp_path, Path(verify.__file__).read_bytes(), "verify.py")
    bundle = saved(tmp_path, made().bundle)
    command = [sys.executable, "-I", "-S", "-W", "error", str(alone), str(bundle), "--key", str(key), "--json"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout.splitlines()[-1])["exit"] == 0


def test_the_command(tmp_path: Path, key: Path) -> None:
    bundle = saved(tmp_path, made().bundle)
    run = CliRunner().invoke
    assert run(app, ["vpp", "verify", str(bundle), "--key", str(key)]).exit_code == 0
    assert run(app, ["vpp", "verify", str(bundle), "--json"]).exit_code == verify.UNKNOWN
    assert run(app, ["vpp", "verify", str(tmp_path / "none.bundle")]).exit_code == verify.USAGE
    folder = tmp_path / "keys"
    folder.mkdir()
    assert run(app, ["vpp", "key", str(folder)]).exit_code == 0
    assert run(app, ["vpp", "key", str(folder)]).exit_code == 1


REMOVED = {
    ("bid", "op-1"): "the bid of op-1 is missing",
    ("frozen", ""): "the one frozen entry of aw-1 is missing",
    ("adjusted", ""): "the one adjusted entry of aw-1 is missing",
    ("award", ""): "the award entry of ev-1 before entry",
    ("phase", "load-2"): "the phase entry of load-2 on 2026-06-24 is missing",
    ("contract", "con-2"): "the contract entry of con-2 before entry",
    ("location", "tr-1"): "the location entry of tr-1 before entry",
    ("dispute", ""): "cause, the decision of dispute d-1 is missing",
}


@pytest.mark.parametrize(("what", "named"), REMOVED.items())
def test_a_missing_entry_is_named(tmp_path: Path, what: tuple[str, str], named: str) -> None:
    kind, of = what
    bundle = Bundle.of(made().bundle)
    entries = bundle.lines("entries.jsonl")
    kept = [
        each
        for each in entries
        if each["kind"] != kind
        or (of and of not in (each["subject"], each["document"].get("operator")))
        or each["subject"] == "ev-0"
    ]
    assert len(kept) < len(entries)
    bundle.put("entries.jsonl", kept)
    report = verify.report_on(saved(tmp_path, bundle.digested().signed(KEY).packed()), [KEY.public])
    assert report.refusal is not None
    assert named in report.refusal.sentence("en")


UNTRUE = [
    ("phase", "load-2", ("phase",), "suspended", "phase says suspended"),
    ("phase", "load-2", ("on",), "2026-06-25", "phase says announced"),
    ("location", "line-1", ("provenance",), "unverified", "provenance is unverified"),
    ("resource", "load-2", ("up_w",), 79_900, "load-2 says 80000"),
    ("contract", "con-2", ("valid_to",), "2026-06-24", "valid_from, valid_to is"),
    ("contract", "con-2", ("operator",), "op-2", "operator says op-2"),
    ("contract", "con-1", ("operator_pct",), "33.4", "lines"),
    ("contract", "con-1", ("account",), "acc-2", "contract says con-1"),
    ("contract", "con-2", ("type",), "hour", "type says hour; recomputed it is day_ahead"),
    ("event", "ev-1", ("notice_class",), "fast", "type says day_ahead; recomputed it is hour"),
    ("eligibility", "load-2", ("rrmse_pct",), "20.5", "eligible says True; recomputed it is False"),
    ("bid", "ev-1", ("price",), "1.2346", "price says 1.2345"),
    ("event", "ev-1", ("targets",), ["acc-9"], "account is acc-"),
    ("award", "ev-1", ("price",), "9.5", "price says 9.5"),
    ("opt_out", "ev-1", ("resource",), "guns-1", "resources"),
    ("state", "ev-1", ("state",), "cancelled", "cancelled or superseded"),
    ("award", "ev-0", ("awards", 0, "parts", 0, "resource"), "load-2", "days"),
]


@pytest.mark.parametrize(("kind", "subject", "path", "value", "named"), UNTRUE)
def test_a_document_that_does_not_fit_the_others_is_named(
    tmp_path: Path, kind: str, subject: str, path: tuple[str | int, ...], value: object, named: str
) -> None:
    """Signed with the true key, and every digest right: what does not follow is found all the same."""
    bundle = Bundle.of(made().bundle)
    entries = bundle.lines("entries.jsonl")
    target = [each for each in entries if (each["kind"], each["subject"]) == (kind, subject)][-1]["document"]
    for step in path[:-1]:
        target = target[step]
    assert target[path[-1]] != value
    target[path[-1]] = value
    bundle.put("entries.jsonl", entries)
    report = verify.report_on(saved(tmp_path, bundle.chained().digested().signed(KEY).packed()), [KEY.public])
    assert report.refusal is not None
    assert named in report.refusal.sentence("en")
    assert report.refusal.sentence("zh") != report.refusal.sentence("en")


def test_an_opt_out_in_time_that_stands_behind_the_begin_is_none(tmp_path: Path) -> None:
    """Somebody's clock was set back: the ledger's order says that the event had begun."""
    bundle = Bundle.of(made().bundle)
    entries = bundle.lines("entries.jsonl")
    (out,) = (each for each in entries if each["kind"] == "opt_out")
    active = next(each for each in entries if each["document"].get("state") == "active")
    for key in ("kind", "subject", "at", "by", "document"):
        out[key], active[key] = active[key], out[key]
    bundle.put("entries.jsonl", entries)
    report = verify.report_on(saved(tmp_path, bundle.chained().digested().signed(KEY).packed()), [KEY.public])
    assert report.refusal is not None
    assert "an instant after the event had begun is expected" in report.refusal.sentence("en")


def test_late_data_may_not_unverify() -> None:
    def column(*verdicts: str) -> list[dict[str, Any]]:
        return [{"at": 900 * place, "verdict": each} for place, each in enumerate(verdicts)]

    told = [
        {"at": f"1970-01-01T00:{15 * place:02}:00Z", "verdict": each["verdict"]}
        for place, each in enumerate(column("delivered", "unverified", "not_delivered"))
    ]
    before = verify.Entry(7, "statement", "ev-1", 0, {"resources": [{"resource": "a", "quarters": told}]}, "")
    verify.check_still_verified(before, {"a": column("partial", "unverified", "delivered")}, "entry 8")
    with pytest.raises(verify.Refused) as caught:
        verify.check_still_verified(before, {"a": column("delivered", "unverified", "unverified")}, "entry 8")
    assert "unverified" in caught.value.sentence("en")


def test_readings_of_another_register_cannot_be_put_in(tmp_path: Path) -> None:
    bundle = Bundle.of(made().bundle)
    lines = [line for line in bundle.lines("readings.jsonl") if "load-2" not in line[2][0]]
    bundle.put("readings.jsonl", lines)
    report = verify.report_on(saved(tmp_path, bundle.chained().digested().signed(KEY).packed()), [KEY.public])
    assert report.refusal is not None
    assert "load-2, days" in report.refusal.item


def test_the_awards_of_others_are_checked_too() -> None:
    """Their money is not in the bundle; but an entry that contradicts itself was never written."""
    awards = [
        {"operator": "op-1", "w": 100, "parts": [{"resource": "a", "w": 100}]},
        {"operator": "op-2", "w": 200, "parts": [{"resource": "b", "w": 200}]},
    ]
    entry = verify.Entry(3, "award", "ev-1", 0, {"awards": awards}, "")
    assert verify.award_of(entry, "op-1") is awards[0]
    awards[1]["w"] = 300
    with pytest.raises(verify.Refused, match="w"):
        verify.award_of(entry, "op-1")


def test_a_width_that_is_declared_between_two_readings_holds_for_the_later_roll_over() -> None:
    """999,900 at 07:00, the width of 1,000,000 declared at 07:02, 100 at 07:14: 200 Wh, as metering counts them."""
    minute, width = 60_000, verify.Declared(2 * 60_000, 1_000_000, 1, 1, None, None)
    old, new = (0, 999_900), (14 * minute, 100)
    assert verify.counted([width], old, new, "x") == 200
    assert verify.share_at_edge([width], old, new, 7 * minute, "x", good=True) == 100
    with pytest.raises(verify.Refused, match="register"):
        verify.counted([width._replace(from_ms=15 * minute)], old, new, "x")
    # Another meter's width says nothing of the one before it.
    with pytest.raises(verify.Refused, match="old meter"):
        verify.counted([width._replace(initial=7)], old, new, "x")
