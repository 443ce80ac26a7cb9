"""Plan files: every mistake at once, with file, key and value; versions are digests; numbers are exact."""

from decimal import Decimal

import pytest

from parkgrid_contract.settings import SettingsError
from parkgrid_domain.rule_file import version_of
from parkgrid_domain.tariff.plan import BANDS
from parkgrid_domain.tariff.reader import example, examples, read_plan

GUANGDONG = examples()["guangdong-2021-tou"]


def mistakes(*changes: tuple[str, str], text: str = GUANGDONG) -> list[str]:
    """What is wrong with a plan after some of its text was replaced."""
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after, 1)
    with pytest.raises(SettingsError) as refused:
        read_plan(text, "plan.toml")
    assert {problem.file for problem in refused.value.problems} == {"plan.toml"}
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize("name", examples())
def test_every_example_is_right_says_its_source_and_claims_nothing(name):
    plan = example(name)
    assert (plan.plan_id, plan.example) == (name, True)
    assert plan.source
    assert plan.version == version_of(examples()[name])


def test_the_examples_are_of_all_three_kinds():
    assert {example(name).kind for name in examples()} == {"administrative_tou", "retail_curve", "spot"}


def test_the_2024_example_ends_and_names_the_parts_of_the_price():
    plan = example("shenzhen-2024-agency")
    assert str(plan.valid_to) == "2025-01-01"
    assert [component.code for component in plan.components[:4]] == [
        "purchase",
        "losses",
        "transmission",
        "system_operation",
    ]
    assert plan.components[0].price == Decimal("0.463")
    # f1 = 1.53 and a quarter more for sharp
    assert [plan.ratio(BANDS.index(band)) for band in ("sharp", "peak", "valley")] == [
        Decimal("1.9125"),
        Decimal("1.53"),
        Decimal("0.32"),
    ]


def test_an_edited_file_is_another_version_and_line_ends_are_not():
    assert read_plan(GUANGDONG.replace("0.60", "0.61"), "p").version != read_plan(GUANGDONG, "p").version
    assert version_of(GUANGDONG.replace("\n", "\r\n")) == version_of(GUANGDONG)


def test_numbers_are_the_decimals_that_were_written():
    plan = read_plan(GUANGDONG.replace("price_cny_per_kwh = 0.60", "price_cny_per_kwh = 0.1"), "p")
    assert plan.components[0].price == Decimal("0.1")
    assert plan.components[1].price == Decimal("0.00196875")


def test_all_mistakes_are_told_at_once():
    found = mistakes(
        ('currency = "CNY"', 'currency = "USD"'),
        ("valid_from = 2021-10-01", "valid_from = 2021-10-01\nvalid_to = 2021-09-01"),
        ('source = "', 'sauce = "'),
        ("price_cny_per_kwh = 0.60", 'price_cny_per_kwh = "0,60"'),
        ("price_cny_per_kwh = 0.0062", "price_cny_per_kwh = nan"),
        ("price_cny_per_kwh = 0.453", "price_cny_per_kwh = 0.1234567891"),
        ("ratio = 0.9\n", "ratio = 1.5\n"),
        ('band = "sharp"', 'band = "super"'),
        ('to = "10:00"', 'to = "09:50"'),
        ("minimum_coverage_pct = 99", "minimum_coverage_pct = true"),
    )
    expected = [
        "plan.toml: currency = 'USD': must be one of CNY",
        "plan.toml: valid_to = datetime.date(2021, 9, 1): is the first day after validity",
        "plan.toml: source: is missing",
        "plan.toml: component[0].price_cny_per_kwh = '0,60': must be a decimal number",
        "plan.toml: component[2].price_cny_per_kwh = 'NaN': must be a finite number",
        "plan.toml: feed_in[0].price_cny_per_kwh = '0.1234567891': has 10 decimal places",
        "plan.toml: basic.high_use.ratio = '1.5': must be at least 0 and at most 1",
        "plan.toml: schedule[0].bands[3].band = 'super': must be one of sharp, peak, flat, valley, deep_valley",
        "plan.toml: schedule[0].bands[1].to = '09:50': must be a time on a quarter of an hour",
        "plan.toml: minimum_coverage_pct = True: must be a decimal number",
        "plan.toml: sauce = ",
    ]
    for beginning in expected:
        assert any(line.startswith(beginning) for line in found), (beginning, found)
    # the band that could not be read leaves its hours open, which is told as well
    gap = "plan.toml: schedule[0].bands = '08:00-10:00': gap: no band from 08:00 to 10:00"
    assert gap in found
    assert len(found) == len(expected) + 1


def test_a_gap_and_an_overlap_of_the_day_are_named_by_their_hours():
    found = mistakes(
        ('{ from = "12:00", to = "14:00", band = "flat" }', '{ from = "12:30", to = "15:00", band = "flat" }')
    )
    assert found == [
        "plan.toml: schedule[0].bands = '12:00-12:30': gap: no band from 12:00 to 12:30",
        "plan.toml: schedule[0].bands = '14:00-15:00': overlap: more than one band from 14:00 to 15:00",
    ]


def test_a_span_over_midnight_must_be_split():
    found = mistakes(
        ('{ from = "19:00", to = "24:00", band = "flat" }', '{ from = "19:00", to = "08:00", band = "flat" }')
    )
    assert "schedule[0].bands[8].to = '08:00': must be later than from (19:00)" in found[0]


def test_days_of_the_year_without_a_schedule_are_named():
    found = mistakes(("months = [7, 8, 9]", "months = [7, 8]"))
    assert found == [
        "plan.toml: schedule = 'all days': no entry is for 09-01..09-30",
        "plan.toml: schedule = 'all days': no entry is for 09-01..09-30, hot days",
    ]


def test_days_with_two_schedules_are_named():
    found = mistakes(("months = [7, 8, 9]", "months = [6, 7, 8, 9]"))
    assert found == [
        "plan.toml: schedule = 'all days': more than one entry is for 06-01..06-30",
        "plan.toml: schedule = 'all days': more than one entry is for 06-01..06-30, hot days",
    ]


def test_a_schedule_for_workdays_leaves_weekends_and_holidays_open():
    found = mistakes(("months = [7, 8, 9]", 'months = [7, 8, 9]\ndays = ["workday", "holiday"]'))
    assert found == [
        "plan.toml: schedule = 'weekend': no entry is for 07-01..09-30",
        "plan.toml: schedule = 'weekend': no entry is for 07-01..09-30, hot days",
    ]


def test_dates_may_run_over_the_new_year():
    winter, rest = 'dates = "12-15..02-28"', 'dates = "02-29..12-14"'
    text = GUANGDONG.split("[hot_day]")[0] + GUANGDONG[GUANGDONG.index("[[component]]") :]
    bands = 'bands = [{ from = "00:00", to = "24:00", band = "%s" }]\n'
    text = text.replace(
        "[[component]]",
        f"[[schedule]]\n{winter}\n{bands % 'peak'}\n[[schedule]]\n{rest}\n{bands % 'flat'}\n[[component]]",
        1,
    )
    plan = read_plan(text, "p")
    assert (2, 28) in plan.schedules[0].scope.dates
    assert (2, 29) in plan.schedules[1].scope.dates
    assert len(plan.schedules[0].scope.dates) == 17 + 31 + 28
    assert "must be two days of the year" in mistakes((winter, 'dates = "12-15..02-30"'), text=text)[0]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("peak = 1.7\n", "", "plan.toml: energy = 'peak': has neither a ratio"),
        ("peak = 1.7\n", "peek = 1.7\npeak = 1.7\n", "plan.toml: ratios.peek = '…': is not a band"),
        ('kind = "administrative_tou"', 'kind = "spot"', "plan.toml: spot: is missing: a plan of kind spot needs it"),
        ("[hot_day]", "[warm_day]", "plan.toml: schedule.weather = 'hot': needs a table [hot_day]"),
        ('code = "fund_water"', 'code = "energy"', "plan.toml: code = 'energy': every line needs its own"),
        ('code = "fund_water"', 'code = "basic"', "plan.toml: code = 'basic': every line needs its own"),
        (
            'time_zone = "Asia/Shanghai"',
            'time_zone = "Asia/Peking"',
            "plan.toml: time_zone = 'Asia/Peking': is not a time zone",
        ),
        ('id = "guangdong-2021-tou"', 'id = "Guangdong 2021"', "plan.toml: id = 'Guangdong 2021': must consist of"),
        (
            "valid_from = 2021-10-01",
            'valid_from = "2021-10-01"',
            "plan.toml: valid_from = '2021-10-01': must be a date",
        ),
        (
            "price_cny_per_kwh = 0.60",
            "price_cny_per_kwh = -0.60",
            "plan.toml: component[0].price_cny_per_kwh = '-0.60'",
        ),
        (
            "charger.energy_returned_kwh",
            "charger.soc",
            "plan.toml: feed_in[0].register = 'charger.soc': must be one of",
        ),
        ("id =", "id", "plan.toml: file: is not valid TOML"),
    ],
)
def test_each_mistake_has_its_own_words(before, after, told):
    assert any(line.startswith(told) for line in mistakes((before, after))), mistakes((before, after))


def test_a_curve_has_24_or_96_points():
    text = examples()["retail-curve-2026"]
    found = mistakes(("0.56,\n]", "]"), text=text)
    assert found == ["plan.toml: curve[0].prices_cny_per_kwh = '23 values': must be a list of 24 or 96 prices"]
