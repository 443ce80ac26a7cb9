"""The glossary is kept: page, dashboards and API call each thing by its term, in both languages."""

import json
import re
from pathlib import Path

import pytest

from parkgrid_accounting.report.words import WORDS
from parkgrid_dashboards.words import catalogue
from parkgrid_domain.indicators import INDICATORS
from parkgrid_vpp.printed.words import WORDS as PILOT_WORDS

ROOT = Path(__file__).parents[2]
LOCALES = ROOT / "api" / "parkgrid_api" / "web" / "src" / "locales"
PAGE = {language: json.loads((LOCALES / f"{language}.json").read_text("utf-8")) for language in ("en", "zh")}


def terms() -> list[tuple[str, str, tuple[str, ...]]]:
    """English, Chinese, and the places of each row."""
    rows = [
        line.strip("|").split("|")
        for line in (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines()
        if "`" in line and line.startswith("| ")
    ]
    return [(row[0].strip(), row[1].strip(), tuple(re.findall(r"`(\w+:[\w.]+)`", row[3]))) for row in rows]


@pytest.mark.parametrize(
    ("english", "chinese", "places"), terms(), ids=lambda each: each if isinstance(each, str) else ""
)
def test_each_thing_is_called_by_its_term(english: str, chinese: str, places: tuple[str, ...]) -> None:
    assert places
    for place in places:
        kind, _, key = place.partition(":")
        if kind == "page":
            assert english in PAGE["en"][key], place
            assert chinese in PAGE["zh"][key], place
        elif kind == "grafana":
            assert catalogue()[key] == {"en": english, "zh": chinese}, place
        elif kind == "api":
            # Variants are told apart behind the term, never by another one.
            assert english.lower() in INDICATORS[key].name_en.lower(), place
            assert chinese in INDICATORS[key].name_zh, place
        elif kind == "vpp":
            assert PILOT_WORDS[key] == {"en": english, "zh": chinese}, place
        else:
            assert kind == "report", place
            assert WORDS[key] == {"en": english, "zh": chinese}, place


def test_no_term_stands_for_two_things() -> None:
    found = terms()
    assert len(found) > 25
    for column in (0, 1):
        named = [row[column].lower() for row in found]
        assert len(set(named)) == len(named)


def test_settlement_is_kept_for_money_between_parties() -> None:
    words = [*PAGE["en"].items(), *PAGE["zh"].items()]
    words += [(key, text) for book in (catalogue(), WORDS) for key, told in book.items() for text in told.values()]
    assert len(words) > 1000
    assert [
        key
        for key, text in words
        if re.search("settle|结算", text, re.IGNORECASE)
        and not key.startswith(("vpp.", "vpp_"))  # the pilot pays by events
    ] == []
