"""The stores that are read from: InfluxDB 2 through Flux, VictoriaMetrics through its export of raw samples."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from typing import Any, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from parkgrid_contract import strict_json
from parkgrid_contract.refusal import shorten
from parkgrid_contract.time import from_ms, to_ms
from parkgrid_exchange.answers import MOST_LINE_BYTES, lines
from parkgrid_exchange.client import Influx
from parkgrid_exchange.errors import InfluxError

Point = tuple[str, int, float]
"""Field, instant in ms, value."""
_TIMEOUT_S = 120.0
_SELECTABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
"""Names of labels that a selector can hold, a dot and a hyphen escaped."""
_NO_VALUE = (None, "NaN", "Infinity", "-Infinity")
"""How an export writes that there is none (VictoriaMetrics, "How to export data in JSON line format")."""


class Source(Protocol):
    """A store that can say what the series of one device were in a span."""

    def points(self, measurement: str, tags: Mapping[str, str], start_ms: int, end_ms: int) -> Iterator[Point]:
        """Every numeric point of the half-open span, whatever its field. Raises `InfluxError`."""
        ...


@dataclass(frozen=True, slots=True)
class VictoriaMetrics:
    """VictoriaMetrics: `/api/v1/export`, one JSON line a series (docs, "How to export data in JSON line format")."""

    url: str
    token: str = ""

    def points(self, measurement: str, tags: Mapping[str, str], start_ms: int, end_ms: int) -> Iterator[Point]:
        """Line protocol arrived as `measurement_field`: every metric of that prefix with these labels."""
        # Not every version can select by a label with a name like 表, so what is left is sorted out here.
        labels = [
            f"{_escaped(name)}={json.dumps(value, ensure_ascii=False)}"
            for name, value in sorted(tags.items())
            if _SELECTABLE.fullmatch(name)
        ]
        pattern = json.dumps(f"{_quoted(measurement)}_.+", ensure_ascii=False)
        match = "{" + ",".join([f"__name__=~{pattern}", *labels]) + "}"
        # Its end is included, ours is not; times are seconds with milliseconds behind the point.
        query = urlencode({"match[]": match, "start": f"{start_ms / 1000:.3f}", "end": f"{(end_ms - 1) / 1000:.3f}"})
        for line in self._lines(f"{self.url.rstrip('/')}/api/v1/export?{query}"):
            labelled, points = self._series(line)
            if any(labelled.get(tag, "") != wanted for tag, wanted in tags.items()):
                continue
            name = labelled["__name__"]
            for at, value in points:
                if value not in _NO_VALUE:
                    at_ms, number = _point(self.url, name, at, value, start_ms, end_ms)
                    yield name.removeprefix(f"{measurement}_"), at_ms, number

    def _series(self, line: bytes) -> tuple[Mapping[str, str], list[tuple[Any, Any]]]:
        try:
            series = strict_json.loads(line, "answer", MOST_LINE_BYTES)
            labels = {str(name): str(value) for name, value in series["metric"].items()}
            _ = labels["__name__"]
            return labels, list(zip(series["timestamps"], series["values"], strict=True))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InfluxError(
                f"the answer of {self.url} is cut off or not an export ({shorten(str(error))}): run it again"
            ) from error

    def _lines(self, address: str) -> Iterator[bytes]:
        if not address.startswith(("http://", "https://")):
            raise InfluxError(f"{self.url!r} is not an address of a server: write it like http://127.0.0.1:8428")
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            with urlopen(Request(address, headers=headers), timeout=_TIMEOUT_S) as answer:  # noqa: S310  checked above
                yield from lines(answer, self.url)
        except HTTPError as error:
            said = error.read(300).decode(errors="replace").strip()
            raise InfluxError(f"{self.url} answers {error.code} {said}: is it VictoriaMetrics?") from error
        except (URLError, HTTPException, OSError) as error:
            raise InfluxError(f"{self.url} cannot be reached ({error}): is the server running there?") from error


@dataclass(frozen=True, slots=True)
class InfluxDb2:
    """InfluxDB 2: a Flux query through its client."""

    influx: Influx
    bucket: str

    def points(self, measurement: str, tags: Mapping[str, str], start_ms: int, end_ms: int) -> Iterator[Point]:
        """Every field of the measurement whose value is a number."""
        for at, values in self.influx.query(flux(self.bucket, measurement, tags, start_ms, end_ms)):
            value: Any = values.get("_value")
            if isinstance(value, int | float) and not isinstance(value, bool) and not _endless(value):
                name = str(values.get("_field", ""))
                at_ms = to_ms(at) if isinstance(at, datetime) else at
                yield name, *_point(self.influx.url, name, at_ms, value, start_ms, end_ms)


def _endless(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _point(url: str, name: str, at: object, value: object, start_ms: int, end_ms: int) -> tuple[int, float]:
    """Instant and value of a point. Raises `InfluxError` for one that was not asked for or is not a number."""
    if type(at) is not int or not start_ms <= at < end_ms:
        raise InfluxError(
            f"{url} answers a point of {shorten(name, 80)} at {shorten(at, 60)}, which is not an instant in ms from "
            f"{start_ms} to {end_ms}: is it the right store?"
        )
    if not strict_json.is_finite_number(value):
        raise InfluxError(
            f"{url} answers {shorten(value, 60)} for {shorten(name, 80)} at {at} ms, which is not a number: "
            "correct it there, or leave this field out of the mapping"
        )
    return at, float(value)


def flux(bucket: str, measurement: str, tags: Mapping[str, str], start_ms: int, end_ms: int) -> str:
    """The query for one device; every word of the mapping is a quoted string in it."""
    conditions = [f"r._measurement == {_literal(measurement)}"]
    conditions += [f"r[{_literal(name)}] == {_literal(value)}" for name, value in sorted(tags.items())]
    span = f"start: {from_ms(start_ms).isoformat()}, stop: {from_ms(end_ms).isoformat()}"
    return (
        f"from(bucket: {_literal(bucket)}) |> range({span.replace('+00:00', 'Z')})"
        f" |> filter(fn: (r) => {' and '.join(conditions)})"
    )


def _literal(text: str) -> str:
    """A Flux string (Flux specification, "String literals"): quotes, backslashes and interpolation escaped."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${").replace("\n", "\\n") + '"'


def _quoted(text: str) -> str:
    """A text in a regular expression (RE2) that matches only itself: letters outside ASCII may not be escaped there."""
    return "".join(
        letter if letter.isalnum() or letter == "_" or not letter.isascii() else f"\\{letter}" for letter in text
    )


def _escaped(name: str) -> str:
    """The name of a label in a selector (MetricsQL, "Metric names and label names may contain escaped chars")."""
    return "".join(letter if letter.isalnum() or letter == "_" else f"\\{letter}" for letter in name)
