"""Documents of the ledger: read strictly, every mistake at once, told as they were read."""

from datetime import date
from decimal import Decimal

import pytest

from parkgrid_domain.vpp import documents, forms
from parkgrid_domain.vpp.documents import Bid, Eligibility, Part, kind_of
from parkgrid_domain.vpp.forms import DocumentError
from tests.vpp import small_pilot


def test_what_is_told_is_read_back() -> None:
    for _, document in [*small_pilot.before_the_event(), ("ev-1", small_pilot.awards())]:
        told = forms.document(document)
        assert documents.read(kind_of(document), told) == document


def test_the_forms_of_numbers_and_instants() -> None:
    found = Eligibility("workday-5", "a" * 64, date(2026, 1, 1), date(2026, 6, 1), 20, *map(Decimal, "123"), True, "")
    assert forms.document(found) == {
        "rule": "workday-5",
        "digest": "a" * 64,
        "from": "2026-01-01",
        "to": "2026-06-01",
        "days": 20,
        "mae_kw": "1",
        "bias_pct": "2",
        "rrmse_pct": "3",
        "passes": True,
        "why": "",
    }
    event = forms.document(small_pilot.event())
    assert event["from"] == "2026-06-24T06:00:00Z"
    assert event["target_w"] == 600_000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"price": 3.5}, "price: 3.5 is not a decimal number as a text"),
        ({"price": "1e3"}, "price: '1e3' is not a decimal number"),
        ({"price": "NaN"}, "price"),
        ({"price": "-1"}, "price: '-1' lies outside 0 to 1000"),
        ({"price": "0.123456789"}, "more than 8 decimal places"),
        ({"bid": "B 1"}, "bid: 'B 1' is not small letters"),
        ({"bid": 7}, "bid: 7 is not a text"),
        ({"operator": "a" * 65}, "65 characters"),
        ({"parts": {}}, "parts: {} is not a list"),
        ({"parts": [{"resource": "r", "w": True}]}, "parts[0].w: True is not a whole number"),
        ({"parts": [{"resource": "r", "w": 150}]}, "parts[0].w: 150 is not a multiple of 100"),
        ({"parts": [{"resource": "r", "w": 10**12}]}, "lies outside"),
        ({"parts": [{"resource": "r"}]}, "parts[0].w: is missing"),
        ({"more": 1}, "more: unknown"),
    ],
)
def test_a_wrong_value_is_named(change: dict[str, object], said: str) -> None:
    told = forms.document(Bid("bid-1", "op-1", Decimal("3.5"), (Part("r-1", 1000),))) | change
    with pytest.raises(DocumentError) as caught:
        documents.read("bid", told)
    assert said in str(caught.value)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(DocumentError) as caught:
        documents.read("bid", {"bid": "", "operator": 1, "price": "x"})
    assert len(caught.value.problems) == 4
    with pytest.raises(DocumentError, match="is not a kind of entry"):
        documents.read("money", {})
    with pytest.raises(DocumentError, match="is not an object"):
        documents.read("bid", [])


@pytest.mark.parametrize("told", ["2026-06-24T06:00:00", "2026-13-24T06:00:00Z", "2026-06-24T06:07:00Z", 1, None])
def test_an_event_begins_on_a_quarter_hour(told: object) -> None:
    with pytest.raises(DocumentError, match="from"):
        documents.read("event", forms.document(small_pilot.event()) | {"from": told})


def test_a_list_has_an_end() -> None:
    with pytest.raises(DocumentError, match="at most 5000"):
        documents.read("bid", forms.document(small_pilot.bid()) | {"parts": [{}] * 5_001})


def test_a_value_too_deep_to_be_shown_is_refused_like_any_other() -> None:
    deep: object = "3"
    for _ in range(5_000):
        deep = [deep]
    told = forms.document(small_pilot.bid()) | {"price": deep}
    with pytest.raises(DocumentError, match="price: list too deep to show is not a decimal number"):
        forms.read(Bid, told)
