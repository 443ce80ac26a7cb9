"""Files of enterprises: one cluster each, parts that come to no more than the whole."""

from datetime import date
from decimal import Decimal

import pytest

from parkgrid_domain.clusters.enterprise_file import COLUMNS, StatedAccount, over_full, read_enterprises
from parkgrid_domain.clusters.plan import plan
from parkgrid_domain.spreadsheet.cell import Cell, CellKind, Sheet
from parkgrid_domain.spreadsheet.table import address

KEYS = [column.key for column in COLUMNS]
GOOD = {
    "enterprise": "motors",
    "name_zh": "汽车厂",
    "name_en": "Motors",
    "cluster": "智能网联汽车",
    "output_share": "12.5",
    "park": "gaoxin-nan",
    "account": "0400123",
    "share": "60",
    "valid_from": "2024-01",
    "valid_to": "2025-07",
    "source": "合同",
}


def read(*rows: dict[str, str]):
    lines = [
        [column.heading for column in COLUMNS],
        *([row[key] for key in KEYS] for row in rows),
    ]
    cells = [
        [Cell(address(place, n), CellKind.TEXT if text else CellKind.EMPTY, text) for place, text in enumerate(line)]
        for n, line in enumerate(lines, 1)
    ]
    return read_enterprises(Sheet("s", cells), plan())


def test_what_a_row_says() -> None:
    found = read(GOOD)
    assert found.mistakes == ()
    (enterprise,), (account,) = found.enterprises, found.accounts
    assert (enterprise.cluster, enterprise.output_share_pct) == ("intelligent-connected-vehicles", Decimal("12.5"))
    assert account == StatedAccount(
        "gaoxin-nan", "0400123", "motors", date(2024, 1, 1), date(2025, 7, 1), Decimal(60), "合同"
    )
    assert [account.holds(date(*day, 1)) for day in ((2023, 12), (2024, 1), (2025, 6), (2025, 7))] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"enterprise": "Motors Ltd"},
            "A2: 'Motors Ltd' is not an identifier: lower-case letters a-z, digits, - or _, at most 63",
        ),
        ({"enterprise": ""}, "A2: Enterprise is missing"),
        ({"cluster": "房地产"}, "D2: there is no cluster '房地产': choose one of the template's list"),
        ({"output_share": "0"}, "E2: 0 must be above 0 and at most 100"),
        ({"share": "101"}, "H2: 101 must be above 0 and at most 100"),
        ({"share": "60%"}, "H2: '60%' is a percentage: write an amount"),
        ({"valid_from": "2024"}, "I2: '2024' is not a month: write 2024-01 (from its first day)"),
        ({"valid_to": "2024-01"}, "J2: 2024-01 is not after the first month 2024-01"),
        ({"source": ""}, "K2: Source is missing"),
    ],
)
def test_each_mistake_names_its_cell(changes, words) -> None:
    found = read(GOOD | changes)
    assert [each.text("en") for each in found.mistakes] == [words]
    assert (found.enterprises, found.accounts) == ((), ())


def test_an_enterprise_belongs_to_one_cluster_and_may_have_several_accounts() -> None:
    second = GOOD | {"account": "0400124"}
    assert [len(each) for each in (read(GOOD, second).enterprises, read(GOOD, second).accounts)] == [1, 2]
    found = read(GOOD, second | {"cluster": "新能源", "output_share": "9"})
    assert [each.text("en") for each in found.mistakes] == [
        (
            "D3: the enterprise 'motors' is in 'intelligent-connected-vehicles' at D2: "
            "an enterprise belongs to one cluster"
        ),
        "E3: the output share of 'motors' is not the one at E2",
    ]
    assert [each.code for each in read(GOOD, GOOD).mistakes] == ["duplicate"]


def test_parts_come_to_no_more_than_the_whole() -> None:
    found = read(GOOD, GOOD | {"enterprise": "chips", "cluster": "新能源", "share": "40.1"})
    assert [each.text("en") for each in found.mistakes] == [
        "H1: the shares of account gaoxin-nan/0400123 come to 100.1 %, more than 100 %"
    ]
    later = GOOD | {"enterprise": "chips", "cluster": "新能源", "share": "100", "valid_from": "2025-07", "valid_to": ""}
    assert read(GOOD, later).mistakes == ()
    half = GOOD | {"enterprise": "more", "output_share": "88", "account": "x"}
    assert [each.code for each in read(GOOD, half).mistakes] == ["over_cluster"]


def test_overlaps_in_the_middle_are_found() -> None:
    def part(name: str, start: int, end: int | None) -> StatedAccount:
        return StatedAccount("p", "a", name, date(2024, start, 1), end and date(2024, end, 1), Decimal(60), "s")

    assert over_full([part("a", 1, 5), part("b", 5, None)]) == []
    assert over_full([part("a", 1, 6), part("b", 5, None)]) == [(("p", "a"), Decimal(120))]
