"""What the document demands of the form of a bundle: each alteration, signed with the true key, is found and named."""

import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from parkgrid_vpp import verify
from tests.vpp.alterations import Bundle
from tests.vpp.fabricated import KEY, RULE, Wish, made

Document = dict[str, Any]
PLAIN = Wish()


def signed(tmp_path: Path, bundle: Bundle) -> verify.Report:
    path = tmp_path / "x.bundle"
    path.write_bytes(bundle.chained().digested().signed(KEY).packed())
    return verify.report_on(path, [KEY.public])


def altered(tmp_path: Path, kind: str, change: Callable[[Document], None]) -> str:
    """What is said of a bundle whose last entry of a kind about the event, or the last of the kind, was changed."""
    bundle = Bundle.of(made().bundle)
    entries = bundle.lines("entries.jsonl")
    change([each for each in entries if each["kind"] == kind and each["subject"] != "ev-0"][-1])
    bundle.put("entries.jsonl", entries)
    report = signed(tmp_path, bundle)
    return "" if report.refusal is None else report.refusal.sentence("en")


def longer(text: str) -> str:
    """The same number with a zero at its end."""
    return f"{text}0" if "." in text else f"{text}.0"


def other_text(*path: str | int) -> Callable[[Document], None]:
    def change(entry: Document) -> None:
        target = entry["document"]
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = longer(target[path[-1]])

    return change


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        *(("statement", (key,)) for key in ("payment", "penalty", "net")),
        *(("statement", ("lines", 0, key)) for key in ("payment", "penalty", "operator_part", "user_part")),
        *(("statement", ("intervals", 0, key)) for key in ("award_kwh", "response_kwh", "counted_kwh")),
        *(("statement", ("intervals", 0, key)) for key in ("payment_cny", "penalty_cny")),
        ("adjusted", ("resources", 1, "factor")),
    ],
)
def test_a_computed_number_has_one_text(tmp_path: Path, kind: str, path: tuple[str | int, ...]) -> None:
    said = altered(tmp_path, kind, other_text(*path))
    assert f", {path[-1]} says " in said, said


def test_no_zero_is_negative(tmp_path: Path) -> None:
    def change(entry: Document) -> None:
        (zero,) = (each for each in entry["document"]["lines"] if each["resource"] == "load-4")
        zero["penalty"] = f"-{zero['penalty']}"

    assert "penalty says -" in altered(tmp_path, "statement", change)
    assert [verify.money_text(verify.Fraction(each, 1000)) for each in (0, 10, -12_340)] == ["0.00", "0.01", "-12.34"]
    assert [verify.decimal_text(verify.Fraction(Decimal(each))) for each in ("0.00", "62.50", "-0.5", "100")] == [
        *("0", "62.5", "-0.5", "100")
    ]


def test_a_number_that_a_person_or_a_trial_gave_keeps_its_text(tmp_path: Path) -> None:
    """Bundles say "0.120" of a bias, and a price or a per cent as it was typed."""
    bundle = Bundle.of(made().bundle)
    entries = bundle.lines("entries.jsonl")
    keys = {
        "eligibility": ("mae_kw", "bias_pct", "rrmse_pct"),
        "contract": ("operator_pct", "user_pct", "penalty_user_pct"),
        **dict.fromkeys(("bid", "award", "statement"), ("price",)),
    }
    count = 0
    for entry in entries:
        for key in keys.get(entry["kind"], ()):
            entry["document"][key] = longer(entry["document"][key])
            count += 1
    assert count > 20
    bundle.put("entries.jsonl", entries)
    report = signed(tmp_path, bundle)
    assert report.refusal is None, report.refusal.sentence("en")


def swapped(key: str) -> Callable[[Document], None]:
    def change(entry: Document) -> None:
        listed = entry["document"][key]
        listed[0], listed[1] = listed[1], listed[0]

    return change


@pytest.mark.parametrize(
    ("kind", "key"),
    [("frozen", "resources"), ("adjusted", "resources"), ("statement", "resources"), ("statement", "lines")],
)
def test_resources_stand_in_the_order_of_the_award(tmp_path: Path, kind: str, key: str) -> None:
    said = altered(tmp_path, kind, swapped(key))
    assert f"({kind} ev-1), {key}" in said
    assert "storage-1" in said


@pytest.mark.parametrize(
    ("kind", "named"),
    [("event", "a second time does not belong there"), ("frozen", "the one frozen entry of aw-1 is missing")],
)
def test_event_and_baselines_stand_once(tmp_path: Path, kind: str, named: str) -> None:
    """The first bid, which another took the place of, becomes a second entry of them."""
    bundle = Bundle.of(made().bundle)
    entries = bundle.lines("entries.jsonl")
    once = next(each for each in entries if (each["kind"], each["subject"]) == (kind, "ev-1"))
    spare = next(each for each in entries if each["document"].get("bid") == "bid-9")
    spare.update(kind=kind, document=once["document"])
    if kind == "frozen":
        lines = bundle.lines("readings.jsonl")
        mine = [[spare["number"], *each[1:]] for each in lines if each[0] == once["number"]]
        bundle.put("readings.jsonl", [*mine, *lines])
    bundle.put("entries.jsonl", entries)
    report = signed(tmp_path, bundle)
    assert report.refusal is not None
    assert named in report.refusal.sentence("en")


def test_a_statement_is_not_older_than_the_end_of_its_event(tmp_path: Path) -> None:
    def at(text: str) -> Callable[[Document], None]:
        return lambda entry: entry.update(at=text)

    assert altered(tmp_path, "statement", at("2026-06-24T08:00:00Z")) == ""
    assert "at is 2026-06-24T07:59:59Z" in altered(tmp_path, "statement", at("2026-06-24T07:59:59Z"))


def test_an_accepted_bid_lies_within_the_bounds_of_the_pack(tmp_path: Path) -> None:
    bundle = Bundle.of(made().bundle)
    entries = bundle.lines("entries.jsonl")
    for entry in entries:
        if entry["kind"] in ("bid", "award", "statement") and entry["subject"] == "ev-1":
            entry["document"]["price"] = "9.5"
    bundle.put("entries.jsonl", entries)
    report = signed(tmp_path, bundle)
    assert report.refusal is not None
    assert report.refusal.sentence("en").endswith("(bid ev-1), price is 9.5: from 0.07 to 3.5 is expected")


def frozen_days() -> dict[str, list[tuple[str, int | None]]]:
    """The days of load-2 that were frozen, by their outcome."""
    (load,) = (each for each in made().pilot.events["ev-1"].frozen["aw-1"].resources if each.resource == "load-2")
    found: dict[str, list[tuple[str, int | None]]] = {}
    for day in load.days:
        found.setdefault(day.outcome, []).append((day.day.isoformat(), day.energy_wh))
    return found


def test_what_is_known_later_is_a_day_that_was_picked_or_not_read(tmp_path: Path) -> None:
    days = frozen_days()
    first, second, *_ = days["counts"]

    def told(*each: tuple[tuple[str, int | None], int | None]) -> str:
        later = [{"resource": "load-2", "day": day, "was_wh": was, "is_wh": now} for (day, was), now in each]
        return altered(tmp_path, "statement", lambda entry: entry["document"].update(known_later=later))

    assert told((first, 7), (second, None)) == ""
    assert "known_later[1], day is" in told((second, 7), (first, 7))
    assert "known_later[1], day is" in told((first, 7), (first, 7))
    assert "known_later[0], was_wh says" in told(((first[0], 1), 7))
    assert "known_later[0], is_wh is" in told((first, first[1]))
    other_kind = next(each for each in days["other_kind"] if each[1] is not None)
    assert f"known_later[0], day is {other_kind[0]}" in told((other_kind, 7))


def test_the_dispute_of_a_revision_is_about_an_earlier_one_of_its_operator(tmp_path: Path) -> None:
    for other in ("ev-1-op-2-1", "ev-1-op-1-2"):

        def change(entry: Document, statement: str = other) -> None:
            entry["document"]["statement"] = statement

        assert "cause, the decision of dispute d-1 is missing" in altered(tmp_path, "dispute", change)


@pytest.mark.parametrize(
    ("told", "named"),
    [({"kind": 7}, "kind is 7"), ({"more": 1}, "does not belong there"), ({"at": 1}, "at is 1: instant is expected")],
)
def test_a_finding_has_four_texts(tmp_path: Path, told: Document, named: str) -> None:
    def change(entry: Document) -> None:
        (found,) = (each for each in entry["document"]["resources"] if each["resource"] == "site-1")
        finding = {"register": "a/b/c/d", "kind": "jumped", "from": entry["at"], "at": entry["at"]}
        found["findings"] = [finding | told]

    said = altered(tmp_path, "statement", change)
    assert "findings[0]" in said
    assert named in said


def readings_altered(tmp_path: Path, change: Callable[[list[Any]], None], wish: Wish = PLAIN) -> str:
    bundle = Bundle.of(made(wish).bundle)
    lines = bundle.lines("readings.jsonl")
    change(lines)
    bundle.put("readings.jsonl", lines)
    report = signed(tmp_path, bundle)
    return "" if report.refusal is None else report.refusal.sentence("en")


def before_the_event(lines: list[Any]) -> int:
    """The place of the last line of the storage before the event: it is not settled, but stands beside what is."""
    found = [
        place
        for place, (_, resource, line) in enumerate(lines)
        if resource == "storage-1" and line[1] == "2026-06-24T05:45:00Z"
    ]
    return found[-1]


def test_a_reading_on_an_edge_has_one_value(tmp_path: Path) -> None:
    def steps(lines: list[Any]) -> None:
        lines[before_the_event(lines)][2][8] += 1

    def instant(lines: list[Any]) -> None:
        lines[before_the_event(lines)][2][7] += 60_000

    for change in (steps, instant):
        said = readings_altered(tmp_path, change, Wish(on_edges=True))
        assert "storage-1" in said
        assert "2026-06-24T06:00:00Z, the reading on an edge says 17822808" in said, said


def test_a_line_of_readings_stands_once_in_order_and_on_the_quarter_hour(tmp_path: Path) -> None:
    def off(lines: list[Any]) -> None:
        lines[before_the_event(lines)][2][1] = "2026-06-24T05:46:00Z"

    def twice(lines: list[Any]) -> None:
        place = before_the_event(lines)
        lines.insert(place, lines[place])

    def turned(lines: list[Any]) -> None:
        place = before_the_event(lines)
        lines[place : place + 2] = lines[place : place + 2][::-1]

    def group(lines: list[Any]) -> None:
        lines.append(lines.pop(0))

    assert "2026-06-24T05:46:00Z: the start of a quarter hour is expected" in readings_altered(tmp_path, off)
    for change in (twice, turned):
        assert "twice or not in order" in readings_altered(tmp_path, change)
    assert "not in order does not belong there" in readings_altered(tmp_path, group)


@pytest.mark.parametrize("number", ["-0", "007", "-5", "1.5", "", "1e3"])
def test_a_reading_is_a_whole_number_in_its_one_text(number: str) -> None:
    row = '["p/g/d/s","2026-06-24T05:45:00Z",1,"good",-5,1000,{},null,null]'
    assert verify.read_row(row.format(7).encode(), "x")[1] == verify.Row("good", -5, 1000, 7, None, None)
    with pytest.raises(verify.Refused, match="form"):
        verify.read_row(row.format(number).encode(), "x")


MINUTE = 60_000


def minutes(hour: int, minute: int) -> int:
    return (hour * 60 + minute) * MINUTE


def test_a_change_of_the_meter_stands_among_the_readings() -> None:
    """The example of the document: 30 Wh on the old meter from 06:55 to 07:05, 55 on the new one up to 07:20."""
    register, at = "p/g/d/s", 7 * 3600
    changed = verify.Declared(minutes(7, 5), None, 1, 1, 5, 1030)
    rows = {
        (register, at - 900): verify.Row("good", 40, minutes(6, 40), 960, minutes(7, 5), 1030),
        (register, at): verify.Row("good", 50, minutes(6, 55), 1000, minutes(7, 20), 60),
        (register, at + 900): verify.Row("good", 40, minutes(7, 10), 20, minutes(7, 35), 100),
    }

    def counted(rows: dict[tuple[str, int], verify.Row], *declared: verify.Declared) -> int:
        found = verify.Evidence("x", rows, {register: list(declared)}, {})
        return verify.between_edges(found, register, at, "x", good=True)

    assert counted(rows, changed) == 50
    # At 07:00 itself: the line before ends with the old meter's last value, this one begins with the new one's first.
    on_edge = verify.Declared(minutes(7, 0), None, 1, 1, 5, 1030)
    rows[register, at - 900] = rows[register, at - 900]._replace(last_ms=minutes(7, 0))
    rows[register, at] = rows[register, at]._replace(first_ms=minutes(7, 0), first=5)
    assert counted(rows, on_edge) == 15 + 20
    with pytest.raises(verify.Refused, match="edge"):
        counted(rows)
    # Without a change both tell the same.
    rows[register, at - 900] = rows[register, at - 900]._replace(last=5)
    assert counted(rows) == 35


def test_a_register_that_falls_without_a_width_is_refused() -> None:
    plain = verify.Declared(0, None, 1, 1, None, None)
    with pytest.raises(verify.Refused, match="register"):
        verify.counted([plain], (0, 50), (MINUTE, 40), "x")
    assert verify.counted([plain._replace(modulus=100)], (0, 50), (MINUTE, 40), "x") == 90


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("least_days = 4", "least_days = 2", "least_days is 2: from `chosen` to `candidates` is expected"),
        ("least_days = 4", "least_days = 5", "least_days is 5"),
        ("from_min = 120", "from_min = 100", "from_min is 100: a multiple of 15 is expected"),
    ],
)
def test_a_baseline_that_picks_more_days_than_it_needs_is_refused(old: str, new: str, named: str) -> None:
    assert verify.read_rule(tomllib.loads(RULE), "x")["chosen"] == 3
    with pytest.raises(verify.Refused) as caught:
        verify.read_rule(tomllib.loads(RULE.replace(old, new)), "x")
    assert named in caught.value.sentence("en")
