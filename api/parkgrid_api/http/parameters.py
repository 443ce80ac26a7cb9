"""Request parameters: each is declared once, for reading, for refusing and for the OpenAPI document."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any

from starlette.requests import Request

from parkgrid_api.http.exports import FORMATS
from parkgrid_api.http.language import told
from parkgrid_api.http.problems import Mistake, refused
from parkgrid_contract.identity import IDENTIFIER
from parkgrid_contract.time import BEYOND_MS, FUTURE_TOLERANCE_MS, OLDEST_MS, to_ms
from parkgrid_domain.period import Period, period

Read = Callable[[str], Any]
"""Turns the text of a parameter into its value; raises `ValueError` with the remedy."""
MAX_TEXT = 4_096
"""A longer parameter is refused before it is read."""
_EPOCH_MS = re.compile(r"[0-9]{1,15}")
_WHOLE = re.compile(r"-?[0-9]{1,12}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MAX_NAMES = 64
_LONGEST_CHOSEN = 200


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a path or query."""

    name: str
    description: str
    read: Read
    schema: Mapping[str, Any]
    example: Any
    in_path: bool = False
    default: Any = None

    def document(self) -> dict[str, Any]:
        """The OpenAPI form."""
        schema = dict(self.schema)
        if self.default is not None:
            schema["default"] = self.default
        return {
            "name": self.name,
            "in": "path" if self.in_path else "query",
            "required": self.in_path,
            "description": self.description,
            "schema": schema,
            "example": self.example,
        }


@dataclass(slots=True)
class _Reading:
    values: dict[str, Any] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def take(self, parameter: Parameter, text: str) -> None:
        try:
            if len(text) > MAX_TEXT:
                raise ValueError(told(f"must have at most {MAX_TEXT} characters", f"最多 {MAX_TEXT} 个字符"))
            self.values[parameter.name] = parameter.read(text)
        except ValueError as error:
            self.mistakes.append(Mistake.of(parameter.name, text, str(error)))


def read(request: Request, parameters: Sequence[Parameter]) -> dict[str, Any]:
    """The values of all declared parameters; every mistake at once as a 422."""
    reading = _Reading()
    query: dict[str, list[str]] = {}
    for name, text in request.query_params.multi_items():
        query.setdefault(name, []).append(text)
    for parameter in parameters:
        if parameter.in_path:
            reading.take(parameter, request.path_params[parameter.name])
            continue
        texts = query.pop(parameter.name, [])
        if len(texts) > 1:
            remedy = told("must be given once; separate several names by commas", "只能给出一次；多个名称用逗号分隔")
            times = told(f"{len(texts)} times", f"{len(texts)} 次")
            reading.mistakes.append(Mistake.of(parameter.name, times, remedy))
        elif texts:
            reading.take(parameter, texts[0])
        else:
            reading.values[parameter.name] = parameter.default
    reading.mistakes += [_unknown(name, query[name][0], parameters) for name in list(query)[:10]]
    if reading.mistakes:
        raise refused(reading.mistakes)
    return reading.values


def _unknown(name: str, text: str, parameters: Sequence[Parameter]) -> Mistake:
    known = [parameter.name for parameter in parameters if not parameter.in_path]
    near = get_close_matches(name[:64], known, 1)
    listed = ", ".join(known)
    if near:
        hint = told(f"did you mean {near[0]!r}?", f"是否想写 {near[0]!r}？")
    else:
        hint = told(f"known: {listed or 'none'}", f"可用参数：{listed or '无'}")
    remedy = told(f"is not a parameter of this address; {hint}", f"该地址没有这个参数；{hint}")
    return Mistake.of(name, text, remedy)


def identifier(text: str) -> str:
    """An identifier of a park, gateway or device."""
    if IDENTIFIER.fullmatch(text):
        return text
    raise ValueError(
        told(
            "must be lower-case letters a-z, digits, - or _, at most 63, starting with a letter or digit",
            "只能用小写字母 a-z、数字、- 或 _，最多 63 个字符，以字母或数字开头",
        )
    )


def instant_ms(text: str) -> int:
    """An instant: ISO 8601 with a zone, or milliseconds since the epoch."""
    if _EPOCH_MS.fullmatch(text):
        return _believable(int(text))
    if not text.isascii():
        raise ValueError(_ascii_only("2026-11-23T08:00:00+08:00"))
    try:
        # A `+` that was not percent-encoded arrives as a blank.
        moment = datetime.fromisoformat(text.replace(" 0", "+0").replace(" 1", "+1") if "T" in text else text)
    except (ValueError, OverflowError):
        raise ValueError(
            told(
                "must be an instant such as 2026-11-23T08:00:00+08:00 or epoch milliseconds",
                "必须是时刻，例如 2026-11-23T08:00:00+08:00，或毫秒时间戳",
            )
        ) from None
    if moment.tzinfo is None:
        example = f"{moment.isoformat()}+08:00"
        raise ValueError(
            told(f"has no time zone: state one, for example {example}", f"缺少时区：请注明，例如 {example}")
        )
    try:
        return _believable(to_ms(moment))
    except OverflowError:
        raise ValueError(_outside()) from None


def _ascii_only(example: str) -> str:
    return told(f"must use the digits 0-9, for example {example}", f"请用数字 0-9 书写，例如 {example}")


def _outside() -> str:
    return told("is outside the years 2000 to 2199", "不在 2000 至 2199 年之间")


def _believable(instant: int) -> int:
    if not OLDEST_MS <= instant < BEYOND_MS:
        more = told("; instants are milliseconds, not seconds or nanoseconds", "；时间戳的单位是毫秒，不是秒或纳秒")
        raise ValueError(_outside() + more)
    return instant


def whole(low: int, high: int) -> Read:
    """A reader of a whole number within bounds."""

    def reader(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError(told(f"must be a whole number from {low} to {high}", f"必须是 {low} 到 {high} 的整数"))
        return int(text)

    return reader


def one_of(*options: str) -> Read:
    """A reader of one word out of a list."""

    def reader(text: str) -> str:
        if text not in options:
            listed = ", ".join(options)
            raise ValueError(told(f"must be one of {listed}", f"必须是其中之一：{listed}"))
        return text

    return reader


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas, each once."""
    listed = tuple(dict.fromkeys(text.split(",")))
    if len(listed) > _MAX_NAMES:
        count = len(listed)
        raise ValueError(told(f"has {count} names, at most {_MAX_NAMES}", f"有 {count} 个名称，最多 {_MAX_NAMES} 个"))
    for name in listed:
        if not IDENTIFIER.fullmatch(name):
            raise ValueError(
                told(
                    "must be names separated by commas, for example active_power_kw,soc_pct",
                    "必须是用逗号分隔的名称，例如 active_power_kw,soc_pct",
                )
            )
    return listed


def day(text: str) -> date:
    """A local day."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        found = date.fromisoformat(text)
    except ValueError:
        raise ValueError(told("must be a day such as 2026-11-23", "必须是日期，例如 2026-11-23")) from None
    if not 2000 <= found.year < 2200:  # noqa: PLR2004 - the years that readings can have
        raise ValueError(_outside())
    return found


_NAME_SCHEMA = {"type": "string", "pattern": f"^{IDENTIFIER.pattern}$"}
_INSTANT_SCHEMA = {"type": "string", "examples": ["2026-11-23T08:00:00+08:00", "1795392000000"]}


def path_name(name: str, example: str) -> Parameter:
    """An identifier in the path."""
    return Parameter(name, f"Identifier of the {name}.", identifier, _NAME_SCHEMA, example, in_path=True)


PARK = path_name("park", "gaoxin-nan")
GATEWAY = path_name("gateway", "gw-1")
DEVICE = path_name("device", "pv-1")
FROM = Parameter(
    "from",
    "Start, included: ISO 8601 with a zone, or epoch milliseconds. Without it: one day before `to`.",
    instant_ms,
    _INSTANT_SCHEMA,
    "2026-11-23T00:00:00+08:00",
)
TO = Parameter(
    "to",
    "End, excluded: ISO 8601 with a zone, or epoch milliseconds. Without it: now.",
    instant_ms,
    _INSTANT_SCHEMA,
    "2026-11-24T00:00:00+08:00",
)


def filter_name(name: str) -> Parameter:
    """An identifier in the query that narrows a list."""
    return Parameter(name, f"Only entries of this {name}.", identifier, _NAME_SCHEMA, "gaoxin-nan")


def chosen_text(text: str) -> str:
    """A text that people chose, such as the number of an account."""
    if not text or len(text) > _LONGEST_CHOSEN or not text.isprintable():
        raise ValueError(
            told(
                f"must have 1 to {_LONGEST_CHOSEN} characters, none of them control characters",
                f"必须有 1 到 {_LONGEST_CHOSEN} 个字符，且不含控制字符",
            )
        )
    return text


def filter_text(name: str, description: str, example: str) -> Parameter:
    """A text of the metering points that narrows an answer."""
    schema = {"type": "string", "minLength": 1, "maxLength": _LONGEST_CHOSEN}
    return Parameter(name, description, chosen_text, schema, example)


LINE = filter_text("line", "Only devices on this feeder (线).", "F12")
TRANSFORMER = filter_text("transformer", "Only devices of this transformer district (变).", "T3")
ACCOUNT = filter_text("account", "Only devices of this account (户).", "0400123")
PLACES = (filter_name("gateway"), filter_name("device"), LINE, TRANSFORMER, ACCOUNT)
"""Of what figures are asked within a park."""


def period_of(text: str) -> Period:
    """A period of whole local days; its instants are those of the default time zone until the park is known."""
    if not text.isascii():
        raise ValueError(_ascii_only("2026-11"))
    try:
        return period(text)
    except ValueError as error:
        raise ValueError(told(str(error), _PERIOD_ZH)) from None


_PERIOD_ZH = (
    "必须是 2000 至 2199 年间的日（2026-11-25）、月（2026-11）、季度（2026-Q4）、年（2026）或一段日期"
    "（2026-11-01..2026-11-08，不含最后一天）"
)


PERIOD = Parameter(
    "period",
    "A day (2026-11-25), month (2026-11), quarter (2026-Q4), year (2026) or days (2026-11-01..2026-11-08, the last "
    "one excluded), local to the park. Without it: this month so far.",
    period_of,
    {"type": "string"},
    "2026-11",
)
FORMAT = Parameter(
    "format",
    "Form of the answer; without it, the one that the `Accept` header prefers.",
    one_of(*FORMATS),
    {"type": "string", "enum": list(FORMATS)},
    "csv",
)
BOM = Parameter(
    "bom",
    "Whether CSV begins with a byte order mark, for spreadsheet programs that need it.",
    one_of("true", "false"),
    {"type": "string", "enum": ["true", "false"]},
    "true",
    default="false",
)


def limit(most: int) -> Parameter:
    """The most entries of a list answer."""
    schema = {"type": "integer", "minimum": 1, "maximum": most}
    return Parameter("limit", "Most entries of the answer, newest first.", whole(1, most), schema, 100, default=100)


def span_ms(values: Mapping[str, Any], now_ms: int, default_ms: int = 86_400_000) -> tuple[int, int]:
    """The half-open span that `from` and `to` state; the newest default span without them."""
    to = now_ms + FUTURE_TOLERANCE_MS if values["to"] is None else values["to"]
    start = to - default_ms if values["from"] is None else values["from"]
    if start >= to:
        given = "from" if values["from"] is not None else "to"
        remedy = told(
            f"from ({start}) must be before to ({to}), both in epoch ms",
            f"from（{start}）必须早于 to（{to}），单位均为毫秒时间戳",
        )
        raise refused([Mistake.of(given, values[given], remedy)])
    return start, to
