"""Form: numbers of panels, places, units, titles, variables, names of signals and indicators, both languages."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from parkgrid_contract.signals import CATALOGUE
from parkgrid_dashboards.check.finding import Document, Finding, Question
from parkgrid_dashboards.words import LANGUAGES, catalogue
from parkgrid_domain.indicators import INDICATORS

WIDTH = 24
_SIGNALS = frozenset(name for device_class in CATALOGUE.values() for name in device_class.by_name)
_VARIABLE = re.compile(r"\$\{(\w+)|\$(\w+)|\[\[(\w+)")
_COMPARED = re.compile(r"\b(signal|device_class)\s*(?:=|<>|IN\s*\()\s*((?:'[^']*'(?:\s*,\s*)?)+)")
_PAIR = re.compile(r"\(\s*'(\w+)'\s*,\s*'(\w+)'\s*\)")
_INDICATORS = re.compile(r"^-- indicators: (.*)$", re.MULTILINE)
_NUMERIC = {"stat", "timeseries", "bargauge", "state-timeline", "status-history", "gauge", "barchart"}


def layout(document: Document) -> Iterator[Finding]:
    """Panels: each its number, its place and what people need to read it."""
    numbers: dict[Any, str] = {}
    taken: dict[tuple[int, int], str] = {}
    for panel in document.panels:
        where = document.where(panel)
        number = panel.get("id")
        if number in numbers:
            yield Finding(where, f"has the number {number} of {numbers[number]}")
        numbers[number] = where
        for key, called in (("title", "title"), ("description", "description")):
            if not panel.get(key):
                yield Finding(where, f"has no {called}")
        yield from _placed(panel, where, taken)
        if panel.get("type") in _NUMERIC:
            yield from _units(panel, where)


def _placed(panel: Mapping[str, Any], where: str, taken: dict[tuple[int, int], str]) -> Iterator[Finding]:
    place = panel["gridPos"]
    if place["x"] < 0 or place["x"] + place["w"] > WIDTH:
        yield Finding(where, f"reaches from column {place['x']} to {place['x'] + place['w']}: there are {WIDTH}")
    hidden = set()
    for cell in (
        (x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])
    ):
        if cell in taken:
            hidden.add(taken[cell])
        taken[cell] = where
    for other in sorted(hidden):
        yield Finding(where, f"overlaps {other}")


def _units(panel: Mapping[str, Any], where: str) -> Iterator[Finding]:
    config = panel.get("fieldConfig", {})
    if config.get("defaults", {}).get("unit"):
        return
    overrides = config.get("overrides", [])
    if not overrides:
        yield Finding(where, "has no unit")
    for override in overrides:
        if not any(each["id"] == "unit" and each.get("value") for each in override["properties"]):
            yield Finding(where, f"column {override['matcher'].get('options')!r} has no unit")


def variables(document: Document) -> Iterator[Finding]:
    """Every variable that is used is one of the board, or Grafana's own."""
    known = {variable["name"] for variable in document.variables}
    for where, text in _texts(document):
        for found in _VARIABLE.finditer(text):
            name = next(each for each in found.groups() if each)
            if not name.startswith("__") and name not in known:
                yield Finding(where, f"uses ${name}, which is no variable of this dashboard")


def _texts(document: Document) -> Iterator[tuple[str, str]]:
    for panel in document.panels:
        yield from ((document.where(panel), text) for text in _strings(panel))
    rest = {key: value for key, value in document.content.items() if key != "panels"}
    yield from ((f"{document.name}.{document.language}", text) for text in _strings(rest))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, Sequence):
        for each in value:
            yield from _strings(each)


def names(question: Question) -> Iterator[Finding]:
    """Signals, classes and indicators that a query names are those of the catalogue and of the definitions."""
    for word, literals in _COMPARED.findall(question.text):
        known = _SIGNALS if word == "signal" else CATALOGUE.keys()
        for name in re.findall(r"'([^']*)'", literals):
            if name not in known:
                yield Finding(question.where, f"{word} {name!r} is not in the catalogue")
    for device_class, signal in _PAIR.findall(question.text):
        if device_class in CATALOGUE and signal not in {*CATALOGUE, *CATALOGUE[device_class].by_name}:
            yield Finding(question.where, f"signal {signal!r} is not in the catalogue of {device_class}")
    for listed in _INDICATORS.findall(question.text):
        for name in (each.strip() for each in listed.split(",")):
            if name not in INDICATORS:
                yield Finding(question.where, f"indicator {name!r} is not defined")


def indicators(text: str) -> set[str]:
    """The indicators that a query says it computes; the result must have them as columns."""
    return {each.strip() for listed in _INDICATORS.findall(text) for each in listed.split(",")}


def languages(documents: Sequence[Document]) -> Iterator[Finding]:
    """The catalogue has every text in every language, and each dashboard is there in each of them, panel by panel."""
    for key, texts in catalogue().items():
        for language in LANGUAGES:
            if not texts.get(language, "").strip():
                yield Finding("words.toml", f"{key!r} has no text in {language}")
    by_name: dict[str, dict[str, Document]] = {}
    for document in documents:
        by_name.setdefault(document.name, {})[document.language] = document
    for name, found in by_name.items():
        for language in LANGUAGES:
            if language not in found:
                yield Finding(name, f"is missing in {language}")
        shapes = {language: [_shape(panel) for panel in each.panels] for language, each in found.items()}
        if len({repr(shape) for shape in shapes.values()}) > 1:
            yield Finding(name, "has other panels in one language than in another")


def _shape(panel: Mapping[str, Any]) -> tuple[Any, ...]:
    place = panel["gridPos"]
    return panel.get("id"), panel.get("type"), place["x"], place["y"], place["w"], place["h"]
