#!/usr/bin/env python3
"""Recompute every yuan of a statement from its bundle, and say whether it is so. One file, standard library only.

    python verify.py BUNDLE... [--key centre.pub] [--lang zh] [--json]

    exit 0  verified: every amount follows from the register readings and the rules, and the given key signed it
    exit 3  recomputed, signer unknown: the same without a key
    exit 1  altered, missing, different, or a second history: the first item is named
    exit 2  the command was not understood

Nothing that was computed is taken from the bundle. It is computed here again and compared with what the entries say.
The sections follow docs/vpp-bundle.md, which has the format and every rule; `check_content` in section 12 is the whole
way in thirty lines.

     1  Refusals: how a fault is told         7  Who may be paid: event, award, bid, place, contract
     2  Words and numbers                     8  From readings to the energy of a quarter hour
     3  The archive and its manifest          9  The frozen baseline: days, sample, curve
     4  The signature: Ed25519               10  The adjustment by the hours before the event
     5  Entries and the chain                11  The statement: verdicts, intervals, money, lines
     6  The rule files                       12  One bundle, several bundles, the command

Energies are whole watt-hours, instants whole seconds since 1970, amounts exact fractions until the line is rounded to
the cent. The file is written for a reader: section by section, plain functions, no state.
"""

import argparse
import hashlib
import json
import re
import struct
import sys
import tomllib
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, groupby
from pathlib import Path
from typing import Any, NamedTuple

# ---------------------------------------------------------------------------------------------------------------------
# 1. Refusals. Whatever is wrong is one exception: the item, what is wrong, what it says, and what it should be.

FORMATS, CHAIN = ("parkgrid-vpp-bundle-1", "parkgrid-vpp-bundle-2"), "parkgrid-vpp-1"
"""The second form has rules that the first one has not; a rule file without them means the same in both."""
VERIFIED, ALTERED, USAGE, UNKNOWN = 0, 1, 2, 3
SENTENCES = {
    "missing": ("is missing", "缺失"),
    "unknown": ("does not belong there", "不应存在"),
    "form": ("is {said}: {found} is expected", "为 {said}：应为 {found}"),
    "unreadable": ("cannot be read: {said}", "无法读取：{said}"),
    "large": ("has {said}; this verifier reads at most {found}", "大小为 {said}；本程序最多读取 {found}"),
    "file": ("has SHA-256 {said}; the manifest says {found}", "的 SHA-256 为 {said}；清单所写为 {found}"),
    "digest": ("carries the digest {said}; its content has {found}", "所写摘要为 {said}；按内容计算为 {found}"),
    "differs": ("says {said}; recomputed it is {found}", "写为 {said}；重新计算为 {found}"),
    "signature": ("is not a signature of manifest.json by the given key", "不是所给公钥对 manifest.json 的签名"),
    "history": (
        "has another entry {said} than {found}: a second history",
        "的第 {said} 条与 {found} 不同：存在第二份历史",
    ),
    "declared": (
        "has another entry {said} than {found}: a second history; a loss entry declares that the other was lost",
        "的第 {said} 条与 {found} 不同：存在第二份历史；其中一份以 loss 条目声明另一份已丢失",
    ),
}


class Refused(Exception):  # noqa: N818  it is an outcome
    """The bundle is not what it says. `item` is the first thing that is altered, missing or different."""

    def __init__(self, item: str, code: str, said: object = "", found: object = "") -> None:
        super().__init__(item, code)
        self.item, self.code, self.said, self.found = item, code, short(said), short(found)

    def sentence(self, lang: str) -> str:
        """What is wrong, in plain words."""
        template = SENTENCES[self.code][lang == "zh"]
        return f"{self.item} {template.format(said=self.said, found=self.found)}"


MOST_SHOWN = 100


def short(value: object) -> str:
    """A value as a person reads it; exact fractions as decimals."""
    text = decimal_text(value) if isinstance(value, Fraction) else str(value)[:200]
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."


def decimal_text(value: Fraction) -> str:
    """An exact fraction as a decimal number: no exponent, no zeros at its end, at most 20 places."""
    places = next((most for most in range(21) if not 10**most % value.denominator), 20)
    whole, rest = divmod(rounded(abs(value) * 10**places), 10**places)
    return f"{'-' * (value < 0)}{whole}" + (f".{rest:0{places}}" if places else "")


def money_text(value: Fraction) -> str:
    """An amount of whole cents: two places."""
    whole, rest = divmod(abs(value) * 100, 100)
    return f"{'-' * (value < 0)}{whole}.{int(rest):02}"


# ---------------------------------------------------------------------------------------------------------------------
# 2. Words and numbers. JSON is read strictly: no floating point, no key twice, no huge number; every field has a form.

MOST_LINE, MOST_LINES, MOST_MARKS, MOST_DIGITS = 32 << 20, 2_000_000, 8_000_000, 19
"""A document of the ledger has at most 32,000,000 bytes."""
MOST_WH = 10**12
DECIMAL = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,20})?", re.ASCII)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
SHA = re.compile(r"[0-9a-f]{64}")
TYPES = {"text": str, "whole": int, "flag": bool, "list": list, "object": dict}


def read_json(data: bytes, item: str) -> Any:
    """The value that a text tells, which must be the canonical text of that value."""
    if len(data) > MOST_LINE:
        raise Refused(item, "large", f"{len(data)} bytes", f"{MOST_LINE} bytes")
    try:
        text = data.decode()
        value = json.loads(
            text, parse_float=no_float, parse_constant=no_float, parse_int=whole_number, object_pairs_hook=once
        )
        if canonical(value) != text:
            raise ValueError("it is not the canonical text of its value")
    except (ValueError, RecursionError) as error:
        raise Refused(item, "unreadable", error) from None
    return value


def canonical(value: Any) -> str:
    """The one text of a value: keys in order, no spaces. Digests are taken of it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(text: str) -> str:
    """SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def no_float(text: str) -> Any:
    """Documents hold whole numbers and decimal texts; floating point is not exact."""
    raise ValueError(f"{short(text)} is not a whole number")


def whole_number(text: str) -> int:
    """A whole number of bounded length."""
    if len(text) > MOST_DIGITS:
        raise ValueError(f"{short(text)} has too many digits")
    return int(text)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, in which no key occurs twice: two readers might take different ones."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return found


def need(holder: Any, key: str, form: str, item: str) -> Any:
    """A field of an object in its form; `?` at the end of the form admits null."""
    if not isinstance(holder, dict) or key not in holder:
        raise Refused(f"{item}, {key}", "missing")
    value = holder[key]
    if value is None and form.endswith("?"):
        return None
    return formed(value, form.rstrip("?"), f"{item}, {key}")


def formed(value: Any, form: str, item: str) -> Any:
    """A value in its form: decimals as exact fractions, instants as seconds, days as dates."""
    if form in TYPES:
        # `True` is a whole number to Python, but not to a document.
        if type(value) is not TYPES[form] or (isinstance(value, int) and abs(value) > MOST_WH):
            raise Refused(item, "form", value, form)
        return value
    pattern = {"decimal": DECIMAL, "instant": INSTANT, "day": DAY}[form]
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Refused(item, "form", value, form)
    try:
        if form == "decimal":
            return Fraction(value)
        return date.fromisoformat(value) if form == "day" else instant_of(value)
    except ValueError:
        raise Refused(item, "form", value, form) from None


def word(table: Any, key: str, words: Sequence[str], item: str, default: str | None = None) -> str:
    """A word of a document or a rule file, one of those that the rules know."""
    value = table.get(key, default) if isinstance(table, dict) else None
    if not isinstance(value, str) or value not in words:
        raise Refused(f"{item}, {key}", "form", value, " | ".join(words))
    return value


def compare(item: str, said: Any, found: Any) -> None:  # noqa: C901  one branch a kind of value
    """Whether what an entry says is what was computed, to the last field; an exact fraction stands for its one text."""
    if isinstance(found, Fraction):
        if formed(said, "decimal", item) != found or said != decimal_text(found):
            raise Refused(item, "differs", said, found)
    elif type(said) is not type(found):
        raise Refused(item, "differs", said, found)
    elif isinstance(found, dict):
        for key in said.keys() - found.keys():
            raise Refused(f"{item}, {short(key)}", "unknown")
        for key in found:
            if key not in said:
                raise Refused(f"{item}, {key}", "missing")
            compare(f"{item}, {key}", said[key], found[key])
    elif isinstance(found, list):
        if len(said) != len(found):
            raise Refused(item, "differs", f"{len(said)} items", f"{len(found)} items")
        for place, (one, two) in enumerate(zip(said, found, strict=True)):
            compare(f"{item}[{place}]", one, two)
    elif said != found:
        raise Refused(item, "differs", said, found)


def as_given(item: str, said: Any, found: Fraction) -> Any:
    """A number that a person gave, for example a price: "5" and "5.0" are the same."""
    if formed(said, "decimal", item) != found:
        raise Refused(item, "differs", said, found)
    return said


QUARTER, QUARTER_MS, DAY_S = 900, 900_000, 86_400
ZONE_S = 8 * 3600
"""Asia/Shanghai has been 8 hours ahead of UTC, without summer time, since 1991."""


@lru_cache(maxsize=100_000)
def instant_of(text: str) -> int:
    """Seconds since 1970-01-01T00:00Z."""
    return int(datetime.fromisoformat(text).timestamp())


@lru_cache(maxsize=100_000)
def instant_text(at: int) -> str:
    """An instant as documents write it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local_day(at: int) -> date:
    """The day in Shanghai."""
    return date.fromordinal(719_163 + (at + ZONE_S) // DAY_S)


def rounded(value: Fraction) -> int:
    """Half away from zero."""
    whole = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return whole if value >= 0 else -whole


# ---------------------------------------------------------------------------------------------------------------------
# 3. The archive and its manifest. Every size is bounded before anything is unpacked.

MOST_ARCHIVE, MOST_FILES, MOST_DIRECTORY = 128 << 20, 200, 64 << 10
MOST_FILE = {
    "manifest.json": 256 << 10,
    "signature": 1 << 10,
    "entries.jsonl": 128 << 20,
    "chain.txt": 96 << 20,
    "readings.jsonl": 256 << 20,
    "declarations.jsonl": 16 << 20,
    "findings.jsonl": 16 << 20,
    "minutes.csv": 64 << 20,
    "README.md": 1 << 20,
}
MOST_RULES = 64 << 10
RULES_NAME = re.compile(r"rules/([0-9a-f]{64})\.toml")
END_RECORD = struct.Struct("<4s4H2IH")
MANIFEST = {"format", "event", "operator", "statement", "created", "engine", "head", "files"}


def read_archive(path: Path) -> dict[str, bytes]:
    """The files of a bundle by name. A name may occur once, and only names of the format may occur."""
    size = path.stat().st_size
    if size > MOST_ARCHIVE:
        raise Refused(path.name, "large", f"{size} bytes", f"{MOST_ARCHIVE} bytes")
    check_end_record(path, size)
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for each in archive.infolist():
                if each.filename in files:
                    raise Refused(f"{path.name}: {short(each.filename)}", "unknown")
                files[each.filename] = read_file(archive, each)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise Refused(path.name, "unreadable", error) from None
    for name in MOST_FILE:
        if name not in files:
            raise Refused(name, "missing")
    return files


def check_end_record(path: Path, size: int) -> None:
    """The directory of the archive must be small: `zipfile` reads it whole. No comment, no 64-bit form, no prefix."""
    with path.open("rb") as file:
        file.seek(max(0, size - END_RECORD.size - 20))
        tail = file.read()
    if len(tail) < END_RECORD.size or tail[-22:-18] != b"PK\x05\x06" or b"PK\x06\x07" in tail[:-22]:
        raise Refused(path.name, "unreadable", "it does not end as a plain zip archive")
    _, _, _, here, count, directory, offset, comment = END_RECORD.unpack(tail[-22:])
    if here != count or comment or offset + directory + END_RECORD.size != size:
        raise Refused(path.name, "unreadable", "bytes stand before, between or behind the files of the archive")
    if count > MOST_FILES or directory > MOST_DIRECTORY:
        raise Refused(path.name, "large", f"{count} files", f"{MOST_FILES} files")


def read_file(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """One file of the archive, not a byte more than is allowed for its name: a bomb stops there."""
    name = info.filename
    most = MOST_RULES if RULES_NAME.fullmatch(name) else MOST_FILE.get(name)
    if most is None:
        raise Refused(short(name), "unknown")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
        raise Refused(name, "unreadable", "it is encrypted or packed in another way than deflate")
    if info.file_size > most:
        raise Refused(name, "large", f"{info.file_size} bytes", f"{most} bytes")
    with archive.open(info) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise Refused(name, "large", f"more than {most} bytes", f"{most} bytes")
    return data


def lines_of(files: dict[str, bytes], name: str) -> list[bytes]:
    """The lines of a file; each ends with a line feed."""
    count = files[name].count(b"\n")
    if count > MOST_LINES:
        raise Refused(name, "large", f"{count} lines", f"{MOST_LINES} lines")
    lines = files[name].split(b"\n")
    if lines.pop() != b"":
        raise Refused(name, "unreadable", "its last line has no end")
    return lines


def check_manifest(files: dict[str, bytes]) -> dict[str, Any]:
    """The manifest, in its form. Files that differ from it are named later, where a nearer item may be found."""
    found: dict[str, Any] = formed(read_json(files["manifest.json"], "manifest.json"), "object", "manifest.json")
    for key in sorted(found.keys() - MANIFEST):
        raise Refused(f"manifest.json, {short(key)}", "unknown")
    for key in ("format", "event", "operator", "statement", "created", "engine"):
        need(found, key, "text", "manifest.json")
    word(found, "format", FORMATS, "manifest.json")
    listed = need(found, "files", "object", "manifest.json")
    for name in sorted(files.keys() - listed.keys() - {"manifest.json", "signature"}):
        raise Refused(name, "unknown")
    for name in sorted(listed):
        if name not in files or name in ("manifest.json", "signature"):
            raise Refused(short(name), "missing")
    return found


def check_files(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
    """Every file has the digest that the manifest says."""
    for name, said in sorted(manifest["files"].items()):
        found = hashlib.sha256(files[name]).hexdigest()
        if said != found:
            raise Refused(name, "file", found, said)


# ---------------------------------------------------------------------------------------------------------------------
# 4. The signature: Ed25519 (RFC 8032, 5.1.7). Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]
ZERO_POINT: Point = (0, 1, 1, 0)


def add(one: Point, two: Point) -> Point:
    """The sum of two points; the formula holds for equal points too."""
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % P, (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(factor: int, point: Point) -> Point:
    """A point added so many times to itself."""
    total = ZERO_POINT
    while factor:
        if factor & 1:
            total = add(total, point)
        point, factor = add(point, point), factor >> 1
    return total


def same_point(one: Point, two: Point) -> bool:
    """Whether two points are the same one."""
    return (one[0] * two[2] - two[0] * one[2]) % P == 0 and (one[1] * two[2] - two[1] * one[2]) % P == 0


def point_of(data: bytes) -> Point | None:
    """The point that 32 bytes tell; None where they tell none, tell it in a second way, or it has a small order."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None  # not the one canonical encoding
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_M1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    point = (x, y, 1, x * y % P)
    # Eight times a point of small order is zero: with such a key one signature fits many messages.
    return None if same_point(times(8, point), ZERO_POINT) else point


BASE = point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little")) or ZERO_POINT


def signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the key signed the message. A second form of a valid signature (S + L) is refused."""
    if len(public) != 32 or len(signature) != 64:  # noqa: PLR2004
        return False
    key, r, s = point_of(public), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return same_point(times(s, BASE), add(r, times(k, key)))


# ---------------------------------------------------------------------------------------------------------------------
# 5. Entries and the chain.


class Entry(NamedTuple):
    """One act in the ledger of the pilot."""

    number: int
    kind: str
    subject: str
    at: int
    document: dict[str, Any]
    digest: str

    @property
    def item(self) -> str:
        """How it is named in a refusal."""
        return f"entry {self.number} ({self.kind} {self.subject})"


Book = dict[tuple[str, str], list[Entry]]
"""The entries of the bundle by kind and subject, each list in the order of the ledger."""


def read_chain(files: dict[str, bytes], manifest: dict[str, Any]) -> list[str]:
    """The digests of all entries of the ledger up to the head, entry 1 first."""
    head = need(manifest, "head", "object", "manifest.json")
    number = need(head, "number", "whole", "manifest.json, head")
    lines = lines_of(files, "chain.txt")
    if len(lines) != number or not lines:
        raise Refused("chain.txt", "differs", f"{len(lines)} lines", f"{number} lines")
    chain = [line.decode("ascii", "replace") for line in lines]
    for place, each in enumerate(chain, 1):
        if not SHA.fullmatch(each):
            raise Refused(f"chain.txt, line {place}", "form", each, "a SHA-256")
    compare("manifest.json, head", head, {"number": number, "digest": chain[-1]})
    return chain


def read_entries(files: dict[str, bytes], chain: Sequence[str]) -> Book:
    """The entries, each with the digest that its content has and that the chain has at its place."""
    data = files["entries.jsonl"]
    if sum(map(data.count, (b",", b"[", b"{"))) > MOST_MARKS:
        raise Refused("entries.jsonl", "large", "more values", f"{MOST_MARKS} values")
    book: Book = {}
    before = 0
    for place, line in enumerate(lines_of(files, "entries.jsonl"), 1):
        entry = read_entry(line, f"entries.jsonl, line {place}", chain)
        if entry.number <= before:
            raise Refused(entry.item, "unknown")
        before = entry.number
        book.setdefault((entry.kind, entry.subject), []).append(entry)
    return book


def read_entry(line: bytes, item: str, chain: Sequence[str]) -> Entry:
    """One entry, checked against its own digest, the chain, and the entry before."""
    told = read_json(line, item)
    number = need(told, "number", "whole", item)
    kind, subject, by = (need(told, key, "text", item) for key in ("kind", "subject", "by"))
    item = f"entry {number} ({short(kind)} {short(subject)})"
    at, document = need(told, "at", "instant", item), need(told, "document", "object", item)
    previous, digest = need(told, "previous", "text", item), need(told, "digest", "text", item)
    if len(told) != 8:  # noqa: PLR2004  the fields of an entry
        raise Refused(item, "unknown")
    if not 1 <= number <= len(chain):
        raise Refused(item, "unknown")
    found = sha256(canonical([CHAIN, number, previous, kind, subject, told["at"], by, document]))
    if digest != found:
        raise Refused(item, "digest", digest, found)
    if chain[number - 1] != digest:
        raise Refused(f"chain.txt, line {number}", "digest", chain[number - 1], digest)
    before = chain[number - 2] if number > 1 else "0" * 64
    if previous != before:
        # The entry's own digest covers what it says of the one before: the line of the chain is another.
        place = f"chain.txt, line {number - 1}" if number > 1 else f"{item}, previous"
        raise Refused(place, "digest", before, previous)
    return Entry(number, kind, subject, at, document, digest)


def latest(book: Book, kind: str, subject: str, before: int) -> Entry:
    """The entry that held just before another one."""
    found = [each for each in book.get((kind, subject), []) if each.number < before]
    if not found:
        raise Refused(f"the {kind} entry of {short(subject)} before entry {before}", "missing")
    return found[-1]


def by_resource(entry: Entry, key: str = "resources") -> dict[str, dict[str, Any]]:
    """The objects of a list by their resource, each once."""
    listed = need(entry.document, key, "list", entry.item)
    found = {need(each, "resource", "text", f"{entry.item}, {key}"): each for each in listed}
    if len(found) != len(listed):
        raise Refused(f"{entry.item}, {key}, a resource a second time", "unknown")
    return found


# ---------------------------------------------------------------------------------------------------------------------
# 6. The rule files: settlement pack, baselines and calendars, out of their own texts. Numbers are exact fractions under
#    their name in the file, for example `payment.from_pct`; None where an optional one is absent.

Rules = dict[str, Any]
PACK_NUMBERS = (
    *("interval_min", "delivered_pct", "payment.from_pct", "payment.full_to_pct", "payment.beyond_pct"),
    *("penalty.below_pct", "penalty.factor", "eligibility.rrmse_pct", "eligibility.bias_pct", "eligibility.least_days"),
    *("price.fixed_cny_per_kwh", "price.least_cny_per_kwh", "price.most_cny_per_kwh"),
    *("unverified.least_pct", "bid.least_kw", "event_day_pct"),
)
RULE_NUMBERS = (
    *("look_back_days", "skip_days", "candidates", "chosen", "least_days", "low_pct", "high_pct"),
    *("adjustment.from_min", "adjustment.to_min", "adjustment.least_pct", "adjustment.most_pct"),
    *("most_unread_days", "adjustment.unread_pct"),
)
MOST_NUMBER, MOST_DAYS, MOST_WINDOW_MIN = 10**6, 366, 1440


class Calendar(NamedTuple):
    """Holidays and make-up workdays (调休) of some years."""

    years: set[int]
    holidays: set[date]
    workdays: set[date]


def rules_text(book: Book, files: dict[str, bytes], digest: Any, type_: str, before: int) -> Rules:
    """The content of a rule file: it stands in the ledger, and beside it as a file, under the digest of its text."""
    digest = formed(digest, "text", f"the {type_} of the event")
    entry, name = latest(book, "rules", digest, before), f"rules/{digest}.toml"
    text = need(entry.document, "text", "text", entry.item)
    found = sha256(text.replace("\r\n", "\n"))
    if found != digest:
        raise Refused(entry.item, "digest", digest, found)
    compare(f"{entry.item}, type", entry.document.get("type"), type_)
    if name not in files:
        raise Refused(name, "missing")
    if files[name] != text.encode():
        raise Refused(name, "digest", digest, hashlib.sha256(files[name]).hexdigest())
    if len(text) > MOST_RULES:
        raise Refused(name, "large", len(text), MOST_RULES)
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except (ValueError, InvalidOperation, RecursionError) as error:
        raise Refused(name, "unreadable", error) from None


def number(value: Any, item: str) -> Fraction:
    """A number of a rule file, exact, and bounded, so that nothing grows beyond all measure."""
    try:
        exact = Decimal(value) if type(value) in (int, str, Decimal) else Decimal("nan")
    except (InvalidOperation, ValueError):
        exact = Decimal("nan")
    digits, exponent = exact.as_tuple().digits, exact.as_tuple().exponent
    if not isinstance(exponent, int) or not -8 <= exponent <= 6 or len(digits) > 16 or not 0 <= exact <= MOST_NUMBER:  # noqa: PLR2004
        raise Refused(item, "form", value, f"a number from 0 to {MOST_NUMBER}, at most 8 decimal places")
    return Fraction(exact)


def numbers(told: Rules, names: Iterable[str], optional: Iterable[str], item: str) -> Rules:
    """Numbers of a rule file by their name; the part before a point is the table that they stand in."""
    found: Rules = {}
    for name in names:
        table, _, key = name.rpartition(".")
        holder = told.get(table, {}) if table else told
        value = holder.get(key) if isinstance(holder, dict) else None
        absent = value is None and name in optional
        found[name] = None if absent else number(value, f"{item}, {name}")
    return found


def plain_day(value: Any, item: str) -> date:
    """A day of a rule file."""
    if type(value) is not date:
        raise Refused(item, "form", value, "a day")
    return value


def read_pack(told: Rules, item: str) -> Rules:
    """The settlement pack of a text."""
    optional = {"price.fixed_cny_per_kwh", "event_day_pct"}
    if "penalty" not in told:
        optional |= {"penalty.below_pct", "penalty.factor"}
    if "unverified" not in told:
        optional.add("unverified.least_pct")
    if "bid" not in told:
        optional.add("bid.least_kw")
    pack = numbers(told, PACK_NUMBERS, optional, item)
    if pack["interval_min"] not in (15, 60):
        raise Refused(f"{item}, interval_min", "form", pack["interval_min"], "15 or 60")
    pack["status"] = word(told, "status", ("verified", "unverified", "draft"), item)
    pack["covers"] = formed(told.get("covers", False), "flag", f"{item}, covers")
    pack["estimated"] = word(told, "estimated", ("unverified", "counts"), item, "unverified")
    # Without these tables nothing is asked: so it was before there were such rules.
    silent, bid = told.get("unverified", {"penalty": "verified"}), told.get("bid", {})
    pack["unverified.penalty"] = word(silent, "penalty", ("verified", "whole"), f"{item}, unverified")
    stands, any_type = (None, None) if bid else ("stands", "any")
    pack["bid.price_after_opt_out"] = word(bid, "price_after_opt_out", ("stands", "anew"), f"{item}, bid", stands)
    pack["bid.contract_type"] = word(bid, "contract_type", ("any", "fits"), f"{item}, bid", any_type)
    pack["valid_from"] = plain_day(told.get("valid_from"), f"{item}, valid_from")
    pack["valid_to"] = plain_day(told["valid_to"], f"{item}, valid_to") if "valid_to" in told else None
    return pack


def read_rule(told: Rules, item: str) -> Rules:
    """The baseline rule of a text; its counts are bounded, since they say how much is computed."""
    adjusts = "adjustment" in told
    optional = RULE_NUMBERS[11:] if adjusts else RULE_NUMBERS[7:]
    rule = numbers(told, RULE_NUMBERS, optional, item)
    rule["like_days"] = word(told, "like_days", ("workday", "same_kind", "any"), item)
    rule["pick"] = word(told, "pick", ("all", "highest", "middle"), item)
    kinds = ("none", "additive", "multiplicative")
    if rule["pick"] != "all" and not rule["chosen"] <= rule["least_days"] <= rule["candidates"]:
        raise Refused(f"{item}, least_days", "form", rule["least_days"], "from `chosen` to `candidates`")
    rule["kind"] = word(told["adjustment"], "kind", kinds, f"{item}, adjustment") if adjusts else "none"
    windows = ("counts", "none")
    rule["event_window"] = word(told.get("adjustment", {}), "event_window", windows, f"{item}, adjustment", "counts")
    rule["unlimited"] = rule["most_unread_days"] is None
    for name in (*RULE_NUMBERS[:5], *RULE_NUMBERS[7:9], "most_unread_days"):
        most, value = MOST_WINDOW_MIN if name.endswith("min") else MOST_DAYS, rule[name] or 0
        if value > most or value != int(value):
            raise Refused(f"{item}, {name}", "form", value, f"a whole number up to {most}")
        if name.endswith("min") and value % 15:
            raise Refused(f"{item}, {name}", "form", value, "a multiple of 15")
        rule[name] = int(value)
    return rule


def read_calendar(told: Iterable[Rules], item: str) -> Calendar:
    """Some years of holidays; the last day of a holiday is the one before `until`."""
    found = Calendar(set(), set(), set())
    for each in told:
        found.years.add(int(number(each.get("year"), f"{item}, year")))
        for holiday in formed(each.get("holidays"), "list", f"{item}, holidays"):
            span = formed(holiday, "object", f"{item}, holidays")
            first, until = (plain_day(span.get(key), f"{item}, holidays, {key}") for key in ("from", "until"))
            if not 0 <= (until - first).days <= 60:  # noqa: PLR2004
                raise Refused(f"{item}, holidays", "form", until, "a day soon after the first")
            found.holidays.update(map(date.fromordinal, range(first.toordinal(), until.toordinal())))
        workdays = formed(each.get("workdays"), "list", f"{item}, workdays")
        found.workdays.update(plain_day(day, f"{item}, workdays") for day in workdays)
    return found


def kind_of(calendar: Calendar, day: date) -> str:
    """Workday, weekend or holiday; a make-up workday at a weekend is a workday."""
    if day.year not in calendar.years:
        raise Refused(f"the calendar of {day.year}", "missing")
    if day in calendar.holidays:
        return "holiday"
    return "workday" if day in calendar.workdays or day.weekday() < 5 else "weekend"  # noqa: PLR2004


# ---------------------------------------------------------------------------------------------------------------------
# 7. Who may be paid: event, award, bid, resource, opt-out, contract.


class Case(NamedTuple):
    """The event, the award of the operator, and the rules that were named when the event was published."""

    book: Book
    files: dict[str, bytes]
    event: Entry
    quarters: list[int]
    direction: str
    pack: Rules
    pack_digest: str
    calendar: Calendar
    awarding: Entry
    award: dict[str, Any]
    price: Fraction
    parts: dict[str, int]
    """Resource to awarded W, in the order of the award."""

    @property
    def day(self) -> date:
        """The local day on which the event begins."""
        return local_day(self.quarters[0])


def read_case(book: Book, files: dict[str, bytes], manifest: dict[str, Any], before: int) -> Case:
    """Event, rules and award that a statement rests on."""
    event = latest(book, "event", manifest["event"], before)
    told, item = event.document, event.item
    if len(book["event", event.subject]) > 1:
        raise Refused(f"{book['event', event.subject][1].item}, a second time", "unknown")
    start, stop = need(told, "from", "instant", item), need(told, "to", "instant", item)
    if start % QUARTER or stop % QUARTER or not 0 < stop - start <= DAY_S:
        raise Refused(f"{item}, from, to", "form", told["from"], "quarter hours, at most a day")
    if need(told, "zone", "text", item) != "Asia/Shanghai":
        raise Refused(f"{item}, zone", "form", told["zone"], "Asia/Shanghai")
    direction = word(told, "direction", ("shave", "fill"), item)
    rules = need(told, "rules", "object", item)
    digest = need(rules, "pack", "text", item)
    pack = read_pack(rules_text(book, files, digest, "pack", before), f"rules/{digest}.toml")
    years = need(rules, "calendars", "object", item)
    texts = [year_of(book, files, years, year, before) for year in sorted(years)]
    calendar = read_calendar(texts, f"{item}, calendars")
    day, first, end = local_day(start), pack["valid_from"], pack["valid_to"]
    if day < first or (end is not None and day >= end):
        raise Refused(f"{item}, rules, pack", "form", day, f"a pack in force from {first} to {end}")
    awarding = latest(book, "award", manifest["event"], before)
    award = award_of(awarding, manifest["operator"])
    price = need(awarding.document, "price", "decimal", awarding.item)
    quarters = list(range(start, stop, QUARTER))
    parts = {need(each, "resource", "text", awarding.item): watts(each, awarding.item) for each in award["parts"]}
    return Case(
        book,
        files,
        event,
        quarters,
        direction,
        pack,
        digest,
        calendar,
        awarding,
        award,
        price,
        parts,
    )


def year_of(book: Book, files: dict[str, bytes], years: dict[str, Any], year: str, before: int) -> dict[str, Any]:
    """The calendar of one year, which must be of that year."""
    told = rules_text(book, files, years[year], "calendar", before)
    compare(f"the calendar of {short(year)}, year", str(told.get("year")), year)
    return told


def award_of(awarding: Entry, operator: str) -> dict[str, Any]:
    """The one award of an operator; the parts of each award are its whole, and no resource occurs twice."""
    seen: set[str] = set()
    mine: list[dict[str, Any]] = []
    for each in need(awarding.document, "awards", "list", awarding.item):
        parts = need(each, "parts", "list", awarding.item)
        for part in parts:
            resource = need(part, "resource", "text", awarding.item)
            if resource in seen:
                raise Refused(f"{awarding.item}, resource {short(resource)}, a second time", "unknown")
            seen.add(resource)
        if need(each, "operator", "text", awarding.item) == operator:
            mine.append(each)
        compare(f"{awarding.item}, w", each.get("w"), sum(watts(part, awarding.item) for part in parts))
    if len(mine) != 1:
        raise Refused(f"{awarding.item}, the one award of {short(operator)}", "missing")
    return mine[0]


def watts(part: Any, item: str) -> int:
    """Awarded or offered W: a multiple of 100, so that a quarter hour of it is whole Wh."""
    found: int = need(part, "w", "whole", item)
    if found <= 0 or found % 100:
        raise Refused(f"{item}, w", "form", found, "a multiple of 100 W above 0")
    return found


def check_bid(case: Case) -> None:
    """The award comes out of the operator's last bid in time, at a price that the bid and the pack allow."""
    told, item = case.event.document, case.awarding.item
    bids = [each for each in case.book.get(("bid", case.event.subject), []) if each.number < case.awarding.number]
    until = need(told, "bids_until", "instant", case.event.item)
    in_time: dict[str, Entry] = {}
    for each in bids:
        if each.at <= until:
            in_time[need(each.document, "operator", "text", each.item)] = each
    operator = case.award["operator"]
    if by_bids(case.event) or operator in in_time:
        if operator not in in_time:
            raise Refused(f"the bid of {short(operator)}", "missing")
        bid = in_time[operator]
        compare(f"{item}, bid", case.award.get("bid"), need(bid.document, "bid", "text", bid.item))
        parts = need(bid.document, "parts", "list", bid.item)
        offered = {need(each, "resource", "text", bid.item): watts(each, bid.item) for each in parts}
        least = (case.pack["bid.least_kw"] or 0) * 1000
        if sum(offered.values()) < least:
            raise Refused(f"{bid.item}, parts", "differs", sum(offered.values()), f"at least {short(least)}")
        for resource, w in case.parts.items():
            if w > offered.get(resource, 0):
                raise Refused(f"{item}, {resource}", "differs", w, f"at most {offered.get(resource, 0)} as bid")
    if case.pack["price.fixed_cny_per_kwh"] is not None:
        as_given(f"{item}, price", case.awarding.document["price"], case.pack["price.fixed_cny_per_kwh"])
    if by_bids(case.event):
        check_price(case, in_time)


def by_bids(event: Entry) -> bool:
    """Whether an event is awarded by its bids: what is controlled directly, or comes from above, has none."""
    setup = word(event.document, "setup", ("pilot", "upstream"), event.item)
    return setup == "pilot" and word(event.document, "type", ("invitation", "direct"), event.item) == "invitation"


def check_price(case: Case, in_time: dict[str, Entry]) -> None:
    """No accepted bid lies outside the pack's bounds; the highest is the price, if none is fixed.

    Where the bundle does not show all of them, the price is not below those that it shows.
    """
    least, most = case.pack["price.least_cny_per_kwh"], case.pack["price.most_cny_per_kwh"]
    winners = [each.get("operator") for each in case.awarding.document["awards"]]
    bids = [in_time[each] for each in winners if each in in_time]
    prices = [need(each.document, "price", "decimal", each.item) for each in bids]
    for bid, price in zip(bids, prices, strict=True):
        if not least <= price <= most:
            raise Refused(f"{bid.item}, price", "form", price, f"from {short(least)} to {short(most)}")
    highest = max(prices, default=Fraction(0))
    wrong = case.price != highest if len(prices) == len(winners) else not highest <= case.price <= most
    if wrong and case.pack["price.fixed_cny_per_kwh"] is None:
        raise Refused(f"{case.awarding.item}, price", "differs", case.price, highest)


def price_after_opt_outs(case: Case, before: int) -> Fraction:
    """The price of a statement: where bids set it and the pack says so, a bid that opted out in time sets none.

    A bid of which something opted out sets it only if the least bid is left of it; if none does, the award's stands.
    """
    event = case.event
    cleared = by_bids(event) and case.pack["price.fixed_cny_per_kwh"] is None
    if not cleared or case.pack["bid.price_after_opt_out"] == "stands":
        return case.price
    until, prices = need(event.document, "bids_until", "instant", event.item), []
    for each in case.awarding.document["awards"]:
        out = opted_out(case.book, event, each["operator"], before)
        left = sum(watts(part, case.awarding.item) for part in each["parts"] if part["resource"] not in out)
        if left != each.get("w") and left < max(1, (case.pack["bid.least_kw"] or 0) * 1000):
            continue
        bids = [bid for bid in case.book.get(("bid", event.subject), []) if bid.number < case.awarding.number]
        mine = [bid for bid in bids if bid.at <= until and bid.document.get("operator") == each["operator"]]
        if not mine:
            raise Refused(f"the bid of {short(each['operator'])}", "missing")
        prices.append(need(mine[-1].document, "price", "decimal", mine[-1].item))
    return max(prices, default=case.price)


def check_resource(case: Case, resource: str) -> None:
    """A resource that was awarded: it is active, can do so much, and stands at a known place under the target."""
    before, item = case.awarding.number, f"{case.awarding.item}, {resource}"
    entry = latest(case.book, "resource", resource, before)
    most = need(entry.document, "up_w" if case.direction == "shave" else "down_w", "whole", entry.item)
    if case.parts[resource] > most:
        raise Refused(item, "differs", case.parts[resource], f"at most {most}")
    # A phase may be dated later than the event: it says nothing of its day.
    phases = [each for each in case.book.get(("phase", resource), []) if each.number < before]
    held = [each for each in phases if need(each.document, "on", "day", each.item) <= case.day]
    if not held:
        raise Refused(f"the phase entry of {short(resource)} on {case.day}", "missing")
    compare(f"{held[-1].item}, phase", held[-1].document.get("phase"), "active")
    targets = need(case.event.document, "targets", "list", case.event.item)
    node: str | None = need(entry.document, "account", "text", entry.item)
    path: list[str] = []
    while node is not None and node not in path:
        place = latest(case.book, "location", node, before)
        if word(place.document, "provenance", ("declared", "verified", "unverified"), place.item) == "unverified":
            raise Refused(f"{item}, {place.item}, provenance", "form", "unverified", "declared or verified")
        path.append(node)
        node = need(place.document, "parent", "text?", place.item)
    if targets and not set(path) & {each for each in targets if isinstance(each, str)}:
        raise Refused(f"{item}, account", "form", path[0], f"a place under {', '.join(map(str, targets))}")


def called(book: Book, event: str, before: int) -> bool:
    """Whether an event was neither cancelled nor superseded before an entry."""
    states = [each.document.get("state") for each in book.get(("state", event), []) if each.number < before]
    return not {"cancelled", "superseded"} & {each for each in states if isinstance(each, str)}


BEGUN = ("active", "ending", "ended", "baseline_computed", "evaluated", "settled")
"""States of an event that has begun."""


def opted_out(book: Book, event: Entry, operator: str, before: int) -> set[str]:
    """The resources that an operator took out of an event in time: no payment, no penalty."""
    until = need(event.document, "opt_out_until", "instant", event.item)
    entries = [each for each in book.get(("opt_out", event.subject), []) if each.number < before and each.at <= until]
    mine = [each for each in entries if each.document.get("operator") == operator]
    begun = [each.number for each in book.get(("state", event.subject), []) if each.document.get("state") in BEGUN]
    for each in mine:
        if begun and each.number > begun[0]:
            # Somebody's clock was set back.
            raise Refused(f"{each.item}, at", "form", instant_text(each.at), "an instant after the event had begun")
    return {need(each.document, "resource", "text", each.item) for each in mine}


def contract_of(case: Case, resource: str, name: str, before: int) -> Entry:
    """The contract of a line: of this operator, with this resource, in force on the day of the event."""
    entry = latest(case.book, "contract", name, before)
    told, item = entry.document, entry.item
    compare(f"{item}, operator", told.get("operator"), case.award["operator"])
    if resource not in need(told, "resources", "list", item):
        raise Refused(f"{item}, resources, {resource}", "missing")
    first, end = need(told, "valid_from", "day", item), need(told, "valid_to", "day?", item)
    wanted = contract_type(case)
    if wanted and told.get("type") != wanted:
        raise Refused(f"{item}, type", "differs", told.get("type"), wanted)
    if not contract_holds(case, entry):
        raise Refused(f"{item}, valid_from, valid_to", "form", f"{first}, {end}", f"a contract in force on {case.day}")
    return entry


def contract_type(case: Case) -> str:
    """The type that a contract must have for this event; empty where the pack does not ask."""
    if case.pack["bid.contract_type"] == "any":
        return ""
    told, item = case.event.document, case.event.item
    if word(told, "type", ("invitation", "direct"), item) == "direct":
        return "direct"
    return "day_ahead" if need(told, "notice_class", "text", item) == "day_ahead" else "hour"


def contract_holds(case: Case, contract: Entry) -> bool:
    """Whether a contract is in force on the day of the event."""
    first = need(contract.document, "valid_from", "day", contract.item)
    end = need(contract.document, "valid_to", "day?", contract.item)
    return bool(first <= case.day and (end is None or case.day < end))


def first_contract(case: Case, resource: str, before: int) -> str:
    """The name of the contract that counts: of several of the operator with the resource, the first by code point."""
    names = sorted(subject for kind, subject in case.book if kind == "contract")
    account = latest(case.book, "resource", resource, before).document.get("account")
    for name in names:
        known = [each for each in case.book["contract", name] if each.number < before]
        if not known or known[-1].document.get("operator") != case.award["operator"]:
            continue
        contract = known[-1]
        named = resource in need(contract.document, "resources", "list", contract.item)
        fits = contract_type(case) in ("", contract.document.get("type"))
        if named and fits and contract.document.get("account") == account and contract_holds(case, contract):
            return name
    return ""


# ---------------------------------------------------------------------------------------------------------------------
# 8. From readings to the energy of a quarter hour.

MOST_APART_MS = 945_000
"""A quarter of an hour and a twentieth: readings further apart say nothing good about an edge between them."""
REASONS = ("missing", "finding", "by_power", "estimated")
"""Why energy is not sure; of several registers the first reason of this order is told."""


class Row(NamedTuple):
    """What metering says of one register and quarter hour, with the readings around it (1 step = 1 Wh)."""

    quality: str
    energy: int | None
    first_ms: int | None
    first: int | None
    last_ms: int | None
    last: int | None


class Declared(NamedTuple):
    """What was declared of a register from an instant on."""

    from_ms: int
    modulus: int | None
    numerator: int
    denominator: int
    initial: int | None
    final: int | None


class Evidence(NamedTuple):
    """The readings behind one resource of one entry."""

    item: str
    rows: dict[tuple[str, int], Row]
    declared: dict[str, list[Declared]]
    findings: dict[str, list[tuple[int, int]]]


class Proof(NamedTuple):
    """What the readings of the bundle are, by entry."""

    lines: dict[tuple[int, str], list[bytes]]
    declared: dict[int, dict[str, list[Declared]]]

    def of(self, entry: Entry, said: Any, resource: str) -> Evidence:
        """The evidence behind one resource of an entry."""
        lines = self.lines.get((entry.number, resource), [])
        return evidence_of(said, f"{entry.item}, {resource}", lines, self.declared.get(entry.number, {}))


GROUPED = re.compile(rb'\[([1-9]\d{0,11}),"([a-z0-9][a-z0-9-]{0,63})",(\[.*\])\]')
ROW = re.compile(
    rb'\["([a-z0-9_/-]{1,300})","(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)",(?:0|[1-9]\d{0,8}),"(good|estimated|missing)"'
    rb",(null|0|-?[1-9]\d{0,17})" + rb",(null|0|[1-9]\d{0,17})" * 4 + rb"\]"
)


def read_lines(files: dict[str, bytes], name: str) -> dict[tuple[int, str], list[bytes]]:
    """The inner lines of readings, grouped by entry and resource; they are taken apart when they are needed."""
    grouped: dict[tuple[int, str], list[bytes]] = {}
    last = (0, "")
    for place, line in enumerate(lines_of(files, name), 1):
        match = GROUPED.fullmatch(line) if len(line) <= 2_000 else None  # noqa: PLR2004
        if match is None:
            raise Refused(f"{name}, line {place}", "unreadable", "it is not [entry, resource, [...]]")
        key = int(match[1]), match[2].decode()
        if key < last:
            raise Refused(f"{name}, line {place}, not in order", "unknown")
        grouped.setdefault(key, []).append(match[3])
        last = key
    return grouped


def read_declared(files: dict[str, bytes]) -> dict[int, dict[str, list[Declared]]]:
    """What was declared of registers, as it was known to each entry: entry to register to declarations in order."""
    found: dict[int, dict[str, list[Declared]]] = {}
    for place, line in enumerate(lines_of(files, "declarations.jsonl"), 1):
        item = f"declarations.jsonl, line {place}"
        told = read_json(line, item)
        inner = told[1] if isinstance(told, list) and len(told) == 2 and type(told[0]) is int else None  # noqa: PLR2004
        if not isinstance(inner, list) or len(inner) != 7 or type(inner[0]) is not str:  # noqa: PLR2004
            raise Refused(item, "form", told, "[entry, [register, from, modulus, ratio, ratio, initial, final]]")
        for value, nullable in zip(inner[1:], (False, True, False, False, True, True), strict=True):
            if not (nullable and value is None) and (type(value) is not int or value < 0):
                raise Refused(item, "form", value, "a whole number")
        if not inner[3] or not inner[4]:
            raise Refused(item, "form", "0", "a ratio above 0")
        found.setdefault(told[0], {}).setdefault(inner[0], []).append(Declared(*inner[1:]))
    for registers in found.values():
        for declarations in registers.values():
            # Of two for one instant the later line holds; `sort` keeps their order.
            declarations.sort(key=lambda each: each.from_ms)
    return found


def evidence_of(said: Any, item: str, lines: Sequence[bytes], declared: dict[str, list[Declared]]) -> Evidence:
    """The readings of one resource of an entry: its digest must be that of the lines."""
    found = hashlib.sha256(b"\n".join(lines)).hexdigest()
    if need(said, "readings", "text", item) != found:
        raise Refused(f"{item}, readings", "digest", said["readings"], found)
    rows: dict[tuple[str, int], Row] = {}
    last = ("", 0)
    for line in lines:
        key, row = read_row(line, item)
        if rows and key <= last:
            raise Refused(f"{item}, readings of {key[0]} at {instant_text(key[1])}, twice or not in order", "unknown")
        rows[key], last = row, key
    findings: dict[str, list[tuple[int, int]]] = {}
    for place, each in enumerate(need(said, "findings", "list", item)):
        where = f"{item}, findings[{place}]"
        span = need(each, "from", "instant", where), need(each, "at", "instant", where)
        need(each, "kind", "text", where)
        if len(each) != 4:  # noqa: PLR2004  the fields of a finding
            raise Refused(where, "unknown")
        findings.setdefault(need(each, "register", "text", where), []).append(span)
    return Evidence(item, rows, declared, findings)


def read_row(line: bytes, item: str) -> tuple[tuple[str, int], Row]:
    """One line of evidence: [register, at, revision, quality, energy_wh, first_at_ms, first, last_at_ms, last]."""
    match = ROW.fullmatch(line)
    if match is None:
        raise Refused(f"{item}, readings", "form", line.decode(errors="replace"), "a line of evidence")
    register, at = match[1].decode(), formed(match[2].decode(), "instant", f"{item}, readings")
    if at % QUARTER:
        raise Refused(f"{item}, readings of {register}", "form", match[2].decode(), "the start of a quarter hour")
    values = [None if each == b"null" else int(each) for each in match.groups()[3:]]
    return (register, at), Row(match[3].decode(), *values)


Terms = Sequence[tuple[str, int]]


def terms_of(case: Case, resource: str) -> tuple[Terms, str]:
    """The registers of a resource with their signs, and the name of its baseline, as registered at the award."""
    entry = latest(case.book, "resource", resource, case.awarding.number)
    terms = []
    for each in need(entry.document, "meter", "list", entry.item):
        sign = need(each, "sign", "whole", entry.item)
        if sign not in (1, -1):
            raise Refused(f"{entry.item}, sign", "form", sign, "1 or -1")
        terms.append((need(each, "register", "text", entry.item), sign))
    if not terms:
        raise Refused(f"{entry.item}, meter", "missing")
    return terms, need(entry.document, "baseline", "text", entry.item)


def drawn(evidence: Evidence, terms: Terms, at: int, *, estimates: bool = False) -> tuple[int | None, str]:
    """What a resource drew in a quarter hour: the sum of its registers with their signs; None where one is missing."""
    parts = [(sign, *energy_of(evidence, register, at, estimates=estimates)) for register, sign in terms]
    reasons = {reason for _, _, reason in parts}
    total = None if "missing" in reasons else sum(sign * (energy or 0) for sign, energy, _ in parts)
    return total, next((each for each in REASONS if each in reasons), "")


def energy_of(evidence: Evidence, register: str, at: int, *, estimates: bool) -> tuple[int | None, str]:
    """Wh of a register over one quarter hour, and why they are not sure.

    Good energy is computed from the readings at both edges, and so is an estimate where the rules let it count. What is
    not sure moves no money: what metering says of it is only shown.
    """
    row = evidence.rows.get((register, at))
    if row is None or row.quality == "missing" or row.energy is None:
        return None, "missing"
    spans = evidence.findings.get(register, ())
    if any(begin < at + 2 * QUARTER and end >= at - QUARTER for begin, end in spans):
        return row.energy, "finding"
    if row.first is None or row.last is None:
        return row.energy, "by_power"
    reason = "estimated" if row.quality == "estimated" else ""
    if not reason or estimates:
        item = f"{evidence.item}, readings of {register} at {instant_text(at)}"
        found = between_edges(evidence, register, at, item, good=not reason)
        if found != row.energy:
            raise Refused(f"{item}, energy_wh", "differs", row.energy, found)
    return row.energy, reason


def between_edges(evidence: Evidence, register: str, at: int, item: str, *, good: bool) -> int:
    """C(end) - C(start): the register's count at both edges of a quarter hour, each on the line between two readings.

    quarter before   │      this one       │   quarter after
              first  ●──┼──●      ...    ●──┼──●  last          ● readings, ┼ edges
                   of this  last of              first of
                            the one before       the one after
    """
    row, rows = evidence.rows[register, at], evidence.rows
    before, after = rows.get((register, at - QUARTER)), rows.get((register, at + QUARTER))
    start_ms, end_ms = at * 1000, at * 1000 + QUARTER_MS
    declared = evidence.declared.get(register, [])
    check_edge(declared, before, row, start_ms, item)
    check_edge(declared, row, after, end_ms, item)
    low = (row.first_ms, row.first)
    high = low if row.first_ms == start_ms or before is None else (before.last_ms, before.last)
    last = (row.last_ms, row.last)
    low_end = last if row.last_ms == end_ms or after is None else (after.first_ms, after.first)
    begun = share_at_edge(declared, low, high, start_ms, item, good=good)
    ended = share_at_edge(declared, low_end, last, end_ms, item, good=good)
    whole = counted(declared, low, low_end, item)
    return whole + ended - begun


Reading = tuple[int | None, int | None]
"""Instant in ms and steps."""


def check_edge(declared: list[Declared], ends: Row | None, begins: Row | None, edge: int, item: str) -> None:
    """A reading on an edge is told alike by the line that ends there and by the one that begins there.

    Only a change of the meter at that instant has two values: what the old one showed last, and what the new one shows.
    """
    if ends is None or begins is None or ends.last_ms is None or begins.first_ms is None:
        return
    values = {begins.first, *(each.final for each in changes(declared) if each.from_ms == edge)}
    if edge in (ends.last_ms, begins.first_ms) and not (ends.last_ms == begins.first_ms and ends.last in values):
        told = f"{ends.last_ms} {ends.last}"
        raise Refused(f"{item}, the reading on an edge", "differs", told, f"{begins.first_ms} {begins.first}")


def share_at_edge(declared: list[Declared], low: Reading, high: Reading, edge: int, item: str, *, good: bool) -> int:
    """What was counted from the reading before an edge up to the edge: floor(energy x since / span + 1/2)."""
    if low[0] is None or low[1] is None or high[0] is None or high[1] is None:
        raise Refused(f"{item}, the reading beside an edge", "missing")
    if not low[0] <= edge <= high[0]:
        raise Refused(f"{item}, instants", "form", f"{low[0]}, {high[0]}", f"readings around {edge}")
    span = high[0] - low[0]
    if span == 0:
        return 0
    if good and span > MOST_APART_MS:
        raise Refused(f"{item}, quality", "differs", "good", f"readings {span} ms apart")
    if any(low[0] < each.from_ms < high[0] for each in changes(declared)):
        raise Refused(f"{item}, the reading at the change of the meter", "missing")
    energy = rise(width_known(declared, low[0], high[0]), low[1], high[1], item)
    return (2 * energy * (edge - low[0]) + span) // (2 * span)


def counted(declared: list[Declared], low: Reading, high: Reading, item: str) -> int:
    """Wh from one reading to a later one; across a change the old meter runs to its last value, the new from its first.

    `high` is what the register shows from its instant on: with a change at that very instant the new meter's value.
    """
    at, steps = low
    end, last = high
    if at is None or steps is None or end is None or last is None or at > end:
        raise Refused(f"{item}, instants", "form", f"{at}, {end}", "readings in order")
    total = 0
    for change in changes(declared):
        if not at < change.from_ms <= end:
            continue
        if change.final is None:
            raise Refused(f"{item}, the last value of the old meter", "missing")
        total += rise(width_known(declared, at, change.from_ms), steps, change.final, item)
        if change.from_ms == end:
            return total
        if change.initial is None:
            raise Refused(f"{item}, the first value of the new meter", "missing")
        at, steps = change.from_ms, change.initial
    return total + rise(width_known(declared, at, end), steps, last, item)


UNDECLARED = Declared(0, None, 1, 1, None, None)


def in_force(declared: list[Declared], at: int) -> Declared:
    """The declaration that holds at an instant."""
    return next((each for each in reversed(declared) if each.from_ms <= at), UNDECLARED)


def changes(declared: list[Declared]) -> list[Declared]:
    """The declarations from which on another count runs: another meter, or another ratio."""
    found, before = [], UNDECLARED
    for each in declared:
        other = each.numerator * before.denominator != before.numerator * each.denominator
        if each.from_ms > 0 and (other or each.initial is not None or each.final is not None):
            found.append(each)
        before = each
    return found


def width_known(declared: list[Declared], at: int, end: int) -> Declared:
    """The declaration in force at a reading; where it names no width, with one that is declared up to the next one."""
    rule = in_force(declared, at)
    later = (each.modulus for each in declared if at < each.from_ms <= end and each not in changes(declared))
    return rule if rule.modulus is not None else rule._replace(modulus=next((m for m in later if m is not None), None))


def rise(rule: Declared, old: int, new: int, item: str) -> int:
    """Wh between two values of one count; a register that fell went through its top, where that is declared."""
    energy = primary(rule, new) - primary(rule, old)
    if new < old:
        if rule.modulus is None or old >= rule.modulus:
            raise Refused(f"{item}, register", "form", f"{old} then {new}", "a register that rises")
        energy += primary(rule, rule.modulus)
    return energy


def primary(rule: Declared, steps: int) -> int:
    """Primary Wh of a register value: steps x ratio, rounded half up once."""
    return (2 * steps * rule.numerator + rule.denominator) // (2 * rule.denominator)


# ---------------------------------------------------------------------------------------------------------------------
# 9. The frozen baseline: candidate days, sample, pick, curve.

MOST_WORK = 30_000_000
"""Quarter hours of registers that are looked at; a hostile bundle might ask for billions."""


def of_award(case: Case, kind: str, after: int, before: int) -> Entry:
    """The one entry of a kind about the award, between two others."""
    entries = case.book.get((kind, case.event.subject), [])
    mine = [each for each in entries if each.document.get("award") == case.award["award"]]
    if len(mine) != 1 or not after < mine[0].number < before:
        raise Refused(f"the one {kind} entry of {short(case.award['award'])}", "missing")
    return mine[0]


def check_frozen(case: Case, proof: Proof, entry: Entry) -> int:
    """Compute the baselines of the award again; how many candidate days were looked at."""
    said, looked, work = by_resource(entry), 0, 0
    compare(f"{entry.item}, resources", list(said), list(case.parts))
    for resource, each in said.items():
        terms, name = terms_of(case, resource)
        item = f"{entry.item}, {resource}"
        plain = {
            "resource": resource,
            "baseline": name,
            "readings": each.get("readings"),
            "findings": each.get("findings"),
        }
        evidence = proof.of(entry, each, resource)
        rule, digest = rule_of(case, name)
        if rule is None:
            zero = name == "zero"
            rest: dict[str, Any] = {"rule": None, "days": [], "enough": zero, "curve_wh": None, "eligible": zero}
            compare(item, each, {**plain, **rest})
            continue
        work += len(terms) * rule["look_back_days"] * (len(case.quarters) + len(window_of(rule, case.quarters[0])))
        if work > MOST_WORK:
            raise Refused(entry.item, "large", f"{work} quarter hours", f"{MOST_WORK} quarter hours")
        looked += len(days_back(rule))
        busy = days_answered(case, resource, entry.number)
        days, enough = choose_days(rule, case.calendar, evidence, terms, case.quarters, busy)
        counting_days = [day["day"] for day in days if day["outcome"] == "counts"]
        curve = mean_curve(evidence, terms, case.quarters, counting_days) if enough else None
        rest = {"rule": digest, "days": days, "enough": enough, "curve_wh": curve}
        compare(item, each, {**plain, **rest, "eligible": eligible(case, resource, digest, entry.number)})
    return looked


def rule_of(case: Case, name: str) -> tuple[Rules | None, str]:
    """The baseline rule of that name which the event names, and its digest; none for `zero` and where it names none."""
    names = need(need(case.event.document, "rules", "object", case.event.item), "baselines", "object", case.event.item)
    if name not in names:
        return None, ""
    digest = need(names, name, "text", f"{case.event.item}, rules, baselines")
    told = rules_text(case.book, case.files, digest, "baseline", case.awarding.number)
    item = f"rules/{digest}.toml"
    compare(f"{item}, name", told.get("name"), name)
    return read_rule(told, item), digest


def eligible(case: Case, resource: str, digest: str, before: int) -> bool:
    """Whether the newest test of this very baseline is not older than a year and good enough for the pack."""
    entries = [each for each in case.book.get(("eligibility", resource), []) if each.number < before]
    if not entries:
        return False
    told, item = entries[-1].document, entries[-1].item
    days, to = need(told, "days", "whole", item), need(told, "to", "day", item)
    bias, rrmse = need(told, "bias_pct", "decimal", item), need(told, "rrmse_pct", "decimal", item)
    recent = 0 <= (case.day - to).days <= 366  # noqa: PLR2004
    good = (
        days >= case.pack["eligibility.least_days"]
        and abs(bias) <= case.pack["eligibility.bias_pct"]
        and rrmse <= case.pack["eligibility.rrmse_pct"]
    )
    return bool(need(told, "digest", "text", item) == digest and recent and good)


def days_answered(case: Case, resource: str, before: int) -> set[date]:
    """The local days on which a load behind the resource's account answered another event, before an entry."""
    spans = events_answered(case, resource, before)
    return {local_day(at) for first, end in spans for at in (first, end - 1)}


def events_answered(case: Case, resource: str, before: int) -> list[tuple[int, int]]:
    """From when to when a load behind the resource's account answered another event, as known before an entry."""
    account = account_of(case.book, resource, case.awarding.number)
    least = (case.pack["event_day_pct"] or 0) * case.parts[resource] / 100
    found: list[tuple[int, int]] = []
    for (kind, event), entries in case.book.items():
        awarding = [each for each in entries if each.number < before]
        if kind != "award" or event == case.event.subject or not awarding or not called(case.book, event, before):
            continue
        entry = latest(case.book, "event", event, awarding[-1].number)
        called_w = accounts_called(case.book, awarding[-1], entry, before)
        if account in called_w and called_w[account] >= least:
            first, end = (need(entry.document, key, "instant", entry.item) for key in ("from", "to"))
            if not 0 < end - first <= DAY_S:
                raise Refused(f"{entry.item}, from, to", "form", end, "at most a day")
            found.append((first, end))
    return found


def accounts_called(book: Book, awarding: Entry, event: Entry, before: int) -> dict[str, int]:
    """The accounts whose loads were awarded and did not opt out in time, with the W of these loads together."""
    found: dict[str, int] = {}
    for each in need(awarding.document, "awards", "list", awarding.item):
        excused = opted_out(book, event, need(each, "operator", "text", awarding.item), before)
        for part in need(each, "parts", "list", awarding.item):
            name = need(part, "resource", "text", awarding.item)
            account = "" if name in excused else account_of(book, name, awarding.number)
            if account:
                found[account] = found.get(account, 0) + watts(part, awarding.item)
    return found


def account_of(book: Book, resource: str, before: int) -> str:
    """The account that a load stands behind; empty for storage and vehicles, which settle on their own meter."""
    entry = latest(book, "resource", resource, before)
    account: str = need(entry.document, "account", "text", entry.item)
    return "" if need(entry.document, "baseline", "text", entry.item) == "zero" else account


def window_of(rule: Rules, start: int) -> list[int]:
    """The quarter hours before the event by which the day's level is seen."""
    return (
        []
        if rule["kind"] == "none"
        else list(range(start - rule["adjustment.from_min"] * 60, start - rule["adjustment.to_min"] * 60, QUARTER))
    )


def days_back(rule: Rules) -> range:
    """How many days before the event each candidate lies."""
    return range(rule["skip_days"] + 1, rule["look_back_days"] + 1)


def choose_days(
    rule: Rules, calendar: Calendar, evidence: Evidence, terms: Terms, quarters: Sequence[int], answered: set[date]
) -> tuple[list[dict[str, Any]], bool]:
    """The days of a baseline, the most recent first, each with its outcome; and whether there are enough, few unread.

    Days of another kind, days of events and days that were not read go first. Of what is left the most recent are the
    sample. Days too far from its mean are dropped and replaced by earlier ones, until none is dropped.
    """
    seen = [look_at(rule, calendar, evidence, terms, quarters, answered, back) for back in days_back(rule)]
    like = [each for each in seen if each["outcome"] == "counts"]
    dropped: list[date] = []
    while True:
        sample = [each for each in like if each["outcome"] == "counts"][: rule["candidates"]]
        far = drop_far(rule, sample)
        dropped += far
        if not far:
            break
    inside = [each["day"] for each in sample]
    oldest = min([*inside, *dropped], default=local_day(quarters[0]))
    unread = sum(each["outcome"] == "not_read" and each["day"] >= oldest for each in seen)
    few_unread = rule["unlimited"] or unread <= rule["most_unread_days"]
    enough = len(sample) >= rule["least_days"] and few_unread
    picked = pick(rule, sample) if enough else []
    for each in like:
        if each["outcome"] == "counts" and each["day"] not in picked:
            each["outcome"] = "not_picked" if each["day"] in inside else "not_needed"
    told = [each for each in seen if each["day"] >= oldest or not enough]
    return [{**each, "day": each["day"].isoformat()} for each in told], enough


def look_at(
    rule: Rules,
    calendar: Calendar,
    evidence: Evidence,
    terms: Terms,
    quarters: Sequence[int],
    answered: set[date],
    back: int,
) -> dict[str, Any]:
    """One candidate day, before any is compared with others."""
    there = [at - back * DAY_S for at in quarters]
    event_day, day = local_day(quarters[0]), local_day(there[0])
    wanted = "workday" if rule["like_days"] == "workday" else kind_of(calendar, event_day)
    kind = "" if rule["like_days"] == "any" else kind_of(calendar, day)
    energy, reason = total_over(evidence, terms, there)
    window = [at - back * DAY_S for at in window_of(rule, quarters[0])]
    over, _ = total_over(evidence, terms, window) if window else (None, "")
    outcome, detail = "counts", ""
    if kind and kind != wanted:
        outcome, detail = "other_kind", kind
    elif answered & {local_day(at) for at in there}:
        outcome = "event_day"
    elif energy is None:
        outcome, detail = "not_read", reason
    total = None if energy is None else sum(energy)
    return {
        "day": day,
        "outcome": outcome,
        "energy_wh": total,
        "window_wh": None if over is None else sum(over),
        "detail": detail,
    }


def total_over(evidence: Evidence, terms: Terms, quarters: Sequence[int]) -> tuple[list[int] | None, str]:
    """The energy of each quarter hour if all are sure, else why the first one is not."""
    found: list[int] = []
    for at in quarters:
        energy, reason = drawn(evidence, terms, at)
        if energy is None or reason:
            return None, reason
        found.append(energy)
    return found, ""


def drop_far(rule: Rules, sample: list[dict[str, Any]]) -> list[date]:
    """Mark the days of a sample that are too far from its mean; a sample without energy has no mean to compare with."""
    total = sum(each["energy_wh"] for each in sample)
    if total <= 0:
        return []
    mean = Fraction(total, len(sample))
    far = []
    for each in sample:
        if rule["low_pct"] and 100 * each["energy_wh"] < rule["low_pct"] * mean:
            each["outcome"] = "too_low"
        elif rule["high_pct"] and 100 * each["energy_wh"] > rule["high_pct"] * mean:
            each["outcome"] = "too_high"
        else:
            continue
        # A text for the reader: the mean in whole Wh, of a half the even one.
        each["detail"] = str(round(mean))
        far.append(each["day"])
    return far


def pick(rule: Rules, sample: list[dict[str, Any]]) -> list[date]:
    """X of Y: all, the highest, or the middle ones; of equal days the more recent first."""
    if rule["pick"] == "all":
        return [each["day"] for each in sample]
    ordered = sorted(sample, key=lambda each: (-each["energy_wh"], -each["day"].toordinal()))
    out = 0 if rule["pick"] == "highest" else (len(ordered) - rule["chosen"]) // 2
    return [each["day"] for each in ordered[out : out + rule["chosen"]]]


def mean_curve(evidence: Evidence, terms: Terms, quarters: Sequence[int], days: Iterable[str]) -> list[int]:
    """The mean of the counting days, quarter hour by quarter hour."""
    event_day = local_day(quarters[0])
    backs = [(event_day - date.fromisoformat(day)).days for day in days]
    rows = [total_over(evidence, terms, [at - back * DAY_S for at in quarters])[0] or [] for back in backs]
    return [rounded(Fraction(sum(column), len(rows))) for column in zip(*rows, strict=True)]


# ---------------------------------------------------------------------------------------------------------------------
# 10. The adjustment by the hours before the event.

UNMOVED: dict[str, Any] = {
    "applied": "none",
    "factor": "1",
    "shift_wh": 0,
    "capped": False,
    "past_wh": None,
    "today_wh": None,
}


def check_adjusted(case: Case, proof: Proof, frozen: Entry, before: int) -> dict[str, list[int] | None]:
    """Compute the adjustments again; the baseline of each resource, None where there is none."""
    entry = of_award(case, "adjusted", frozen.number, before)
    said, froze = by_resource(entry), by_resource(frozen)
    compare(f"{entry.item}, resources", list(said), list(froze))
    found: dict[str, list[int] | None] = {}
    for resource, each in said.items():
        terms, name = terms_of(case, resource)
        curve, (rule, _) = froze[resource]["curve_wh"], rule_of(case, name)
        evidence = proof.of(entry, each, resource)
        moved = UNMOVED
        if rule is not None and curve is not None:
            others = events_answered(case, resource, entry.number) if rule["event_window"] == "none" else []
            if not any(first <= at < end for at in window_of(rule, case.quarters[0]) for first, end in others):
                moved = adjust(rule, evidence, terms, case.quarters[0], froze[resource], curve, case.direction)
        plain = {"resource": resource, "readings": each.get("readings"), "findings": each.get("findings")}
        compare(f"{entry.item}, {resource}", each, {**plain, **moved})
        if name == "zero":
            found[resource] = [0] * len(case.quarters)
        else:
            found[resource] = (
                None if curve is None else [rounded(Fraction(moved["factor"]) * wh) + moved["shift_wh"] for wh in curve]
            )
    return found


def adjust(
    rule: Rules,
    evidence: Evidence,
    terms: Terms,
    start: int,
    frozen: dict[str, Any],
    curve: Sequence[int],
    direction: str,
) -> dict[str, Any]:
    """How the hours before the event move the curve: by a factor or a shift, within bounds.

    Where they were not read, the curve is moved against the site, as far as the rule says.
    """
    window = window_of(rule, start)
    if not window:
        return UNMOVED
    today, _ = total_over(evidence, terms, window)
    days = [each for each in frozen["days"] if each["outcome"] == "counts"]
    known = [each["window_wh"] for each in days if each["window_wh"] is not None]
    mean = Fraction(abs(sum(curve)), len(curve))
    if today is None or not known:
        against = (rule["adjustment.unread_pct"] or 0) * mean / 100
        return {**UNMOVED, "applied": "not_read", "shift_wh": rounded(-against if direction == "shave" else against)}
    past, now = Fraction(sum(known), len(known) * len(window)), Fraction(sum(today), len(window))
    least, most = rule["adjustment.least_pct"] / 100, rule["adjustment.most_pct"] / 100
    plain = {**UNMOVED, "past_wh": rounded(past), "today_wh": rounded(now)}
    if rule["kind"] == "multiplicative" and past > 0 and now >= 0:
        factor = min(max(now / past, least), most)
        # A factor is frozen with six decimal places.
        whole, rest = divmod(rounded(factor * 10**6), 10**6)
        return {**plain, "applied": "factor", "factor": f"{whole}.{rest:06}", "capped": factor != now / past}
    shift = min(max(now - past, (least - 1) * mean), (most - 1) * mean)
    return {**plain, "applied": "shift", "shift_wh": rounded(shift), "capped": shift != now - past}


# ---------------------------------------------------------------------------------------------------------------------
# 11. The statement: quarter hours, intervals, money, lines.


class Amounts(NamedTuple):
    """The money of the award, and by what it is shared among the resources."""

    payment: Fraction
    penalty: Fraction
    payment_by: dict[str, Fraction]
    penalty_by: dict[str, Fraction]


def check_statement(
    case: Case, proof: Proof, frozen: Entry, curves: dict[str, Any], entry: Entry, before: Entry | None
) -> Amounts:
    """Compute one revision of the statement again, and compare every field of it."""
    told, item = entry.document, entry.item
    revision = 1 if before is None else need(before.document, "revision", "whole", before.item) + 1
    said, froze = by_resource(entry), by_resource(frozen)
    out = opted_out(case.book, case.event, case.award["operator"], entry.number)
    left = [each for each in case.parts if each not in out]
    compare(f"{item}, resources", list(said), left)
    if entry.at < case.quarters[-1] + QUARTER:
        raise Refused(f"{item}, at", "form", instant_text(entry.at), "an instant not before the end of the event")
    if not left:
        raise Refused(f"{item}, resources", "missing")
    quarters = {
        resource: judge_resource(case, proof, entry, each, froze[resource], curves[resource])
        for resource, each in said.items()
    }
    price = price_after_opt_outs(case, entry.number)
    own = {
        name: [] if case.pack["covers"] else intervals_of(case.pack, price, each, silent_at([each]))
        for name, each in quarters.items()
    }
    if before is not None and told.get("cause") == "late data":
        check_still_verified(before, quarters, item)
    award = judge_award(case, list(quarters.values()))
    silent = silent_at(quarters.values())
    whole = intervals_of(case.pack, price, award, silent) if case.pack["covers"] else []
    counts_silent = case.pack["unverified.penalty"] == "whole" and too_little(case.pack, award, silent)
    money = amounts(case, quarters, own, whole, silent=counts_silent)
    contracts = {name: each.get("contract") for name, each in by_resource(entry, "lines").items()}
    resources = [
        {
            "resource": name,
            "note": each.get("note"),
            "readings": each.get("readings"),
            "findings": each.get("findings"),
            "quarters": quarters[name],
            "intervals": own[name],
        }
        for name, each in said.items()
    ]
    expected = {
        "statement": f"{case.event.subject}-{case.award['operator']}-{revision}",
        "award": case.award["award"],
        "operator": case.award["operator"],
        "revision": revision,
        "supersedes": None if before is None else before.digest,
        "cause": cause_of(case, entry, before),
        "status": "payable" if case.pack["status"] == "verified" else "simulation",
        "pack": case.pack_digest,
        "direction": case.direction,
        "price": as_given(f"{item}, price", told.get("price"), price),
        "resources": resources,
        "quarters": award,
        "intervals": whole,
        "payment": money_text(money.payment),
        "penalty": money_text(money.penalty),
        "net": money_text(money.payment - money.penalty),
        "lines": money_lines(case, entry, money, contracts),
        "known_later": known_later(entry, froze, left),
    }
    compare(item, told, expected)
    return money


def judge_resource(
    case: Case, proof: Proof, entry: Entry, said: dict[str, Any], frozen: dict[str, Any], curve: list[int] | None
) -> list[dict[str, Any]]:
    """The quarter hours of one resource: award, baseline, energy, verdict."""
    resource = said["resource"]
    terms, _ = terms_of(case, resource)
    evidence = proof.of(entry, said, resource)
    found = []
    for place, at in enumerate(case.quarters):
        metered, reason = drawn(evidence, terms, at, estimates=(case.pack["estimated"] == "counts"))
        if curve is None or not frozen["eligible"]:
            # What holds for the whole event is told before what holds for one quarter hour.
            reason = "no_baseline" if curve is None else "not_eligible"
        quarter = {
            "at": instant_text(at),
            "award_wh": case.parts[resource] // 4,
            "baseline_wh": None if curve is None else curve[place],
            "metered_wh": metered,
            "unsure": reason,
        }
        found.append(judge(case.pack, case.direction, quarter))
    return found


def judge_award(case: Case, resources: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The quarter hours of the award: the sums over the resources whose own quarter hour is sure."""
    found = []
    for members in zip(*resources, strict=True):
        verified = [each for each in members if sure(case.pack, each)]
        quarter = {"at": members[0]["at"], "unsure": "" if verified else members[0]["unsure"]}
        for key in ("award_wh", "baseline_wh", "metered_wh"):
            quarter[key] = sum(each[key] for each in verified) if verified else None
        if not verified:
            quarter["award_wh"] = sum(each["award_wh"] for each in members)
        found.append(judge(case.pack, case.direction, quarter))
    return found


def judge(pack: Rules, direction: str, quarter: dict[str, Any]) -> dict[str, Any]:
    """A quarter hour with what it moved and its verdict. Only what is sure is judged."""
    base, metered, award = quarter["baseline_wh"], quarter["metered_wh"], quarter["award_wh"]
    if not sure(pack, quarter):
        return {**quarter, "moved_wh": None, "verdict": "unverified"}
    moved = base - metered if direction == "shave" else metered - base
    if 100 * moved >= pack["delivered_pct"] * award:
        verdict = "delivered"
    else:
        verdict = "partial" if moved > 0 and 100 * moved >= pack["payment.from_pct"] * award else "not_delivered"
    return {**quarter, "moved_wh": moved, "verdict": verdict}


def sure(pack: Rules, quarter: dict[str, Any]) -> bool:
    """Whether a quarter hour is verified: an estimate only where the pack lets it count."""
    reason = "" if quarter["unsure"] == "estimated" and pack["estimated"] == "counts" else quarter["unsure"]
    return not reason and quarter["baseline_wh"] is not None and quarter["metered_wh"] is not None


KNOWN_BEFORE = ("no_baseline", "not_eligible")
"""Reasons that were known with the award: no meter was silent."""


def silent_at(columns: Iterable[Sequence[dict[str, Any]]]) -> dict[str, int]:
    """Wh awarded to resources whose meters cannot be believed, by the start of the quarter hour."""
    found: dict[str, int] = {}
    for quarter in (each for column in columns for each in column):
        silent = quarter["moved_wh"] is None and quarter["unsure"] not in KNOWN_BEFORE
        found[quarter["at"]] = found.get(quarter["at"], 0) + (quarter["award_wh"] if silent else 0)
    return found


def too_little(pack: Rules, quarters: Sequence[dict[str, Any]], silent: dict[str, int]) -> bool:
    """Whether less of an award is verified than the pack asks for: then nothing of it is paid."""
    verified = sum(each["award_wh"] for each in quarters if each["moved_wh"] is not None)
    return bool(100 * verified < (pack["unverified.least_pct"] or 0) * (verified + sum(silent.values())))


def intervals_of(
    pack: Rules, price: Fraction, quarters: Sequence[dict[str, Any]], silent: dict[str, int]
) -> list[dict[str, Any]]:
    """The intervals of the pack, quarter hours or hours; what is unverified is in neither award nor response.

    Where too little of the award is verified nothing is paid; the penalty counts the whole award if the pack says so.
    """
    found, interval_s = [], int(pack["interval_min"]) * 60
    unpaid = too_little(pack, quarters, silent)
    for _, group in groupby(quarters, key=lambda each: (instant_of(each["at"]) + ZONE_S) // interval_s):
        members = list(group)
        verified = [each for each in members if each["moved_wh"] is not None]
        award = Fraction(sum(each["award_wh"] for each in verified), 1000)
        if unpaid and pack["unverified.penalty"] == "whole":
            award += Fraction(sum(silent[each["at"]] for each in members), 1000)
        response = max(Fraction(0), Fraction(sum(each["moved_wh"] for each in verified), 1000))
        counts = Fraction(0) if unpaid else counting(pack, award, response)
        short_kwh = Fraction(0)
        if pack["penalty.below_pct"] is not None:
            short_kwh = max(Fraction(0), pack["penalty.below_pct"] * award / 100 - response)
        # An interval is named by the start of its own span, also where the event begins within it.
        past = (instant_of(members[0]["at"]) + ZONE_S) % interval_s
        found.append(
            {
                "at": instant_text(instant_of(members[0]["at"]) - past),
                "award_kwh": award,
                "response_kwh": response,
                "counted_kwh": counts,
                "payment_cny": counts * price,
                "penalty_cny": short_kwh * price * (pack["penalty.factor"] or 0),
                "quarters": len(verified),
            }
        )
    return found


def counting(pack: Rules, award: Fraction, response: Fraction) -> Fraction:
    """What of a response counts: nothing below the band, all within it, a part of what goes beyond."""
    if award == 0 or 100 * response < pack["payment.from_pct"] * award:
        return Fraction(0)
    full = pack["payment.full_to_pct"] * award / 100
    return response if response <= full else full + (response - full) * pack["payment.beyond_pct"] / 100


def amounts(
    case: Case, quarters: dict[str, list[dict[str, Any]]], own: dict[str, Any], whole: list[Any], *, silent: bool
) -> Amounts:
    """Rounded once, at the award's line. Where one resource may not cover another, each is settled by itself.

    `silent`: the penalty counts what cannot be verified as not moved.
    """
    spans = [each for intervals in own.values() for each in intervals] if not case.pack["covers"] else whole
    payment = cents(sum((each["payment_cny"] for each in spans), Fraction(0)))
    penalty = cents(sum((each["penalty_cny"] for each in spans), Fraction(0)))
    pay: dict[str, Fraction] = {}
    fine: dict[str, Fraction] = {}
    for resource, each in quarters.items():
        verified = [quarter for quarter in each if quarter["moved_wh"] is not None]
        # Each quarter hour by itself: what went the wrong way in one takes nothing from another.
        pay[resource] = Fraction(sum(max(0, quarter["moved_wh"]) for quarter in verified))
        lacking = sum(max(0, quarter["award_wh"] - quarter["moved_wh"]) for quarter in verified)
        fine[resource] = Fraction(lacking + (sum(silent_at([each]).values()) if silent else 0))
        if not case.pack["covers"]:
            pay[resource] = sum((span["payment_cny"] for span in own[resource]), Fraction(0))
            fine[resource] = sum((span["penalty_cny"] for span in own[resource]), Fraction(0))
    by_award = {resource: Fraction(case.parts[resource]) for resource in quarters}
    return Amounts(payment, penalty, pay if any(pay.values()) else by_award, fine if any(fine.values()) else by_award)


def cents(amount: Fraction) -> Fraction:
    """Rounded to 0.01, half away from zero."""
    return Fraction(rounded(amount * 100), 100)


def money_lines(case: Case, entry: Entry, money: Amounts, contracts: dict[str, Any]) -> list[dict[str, Any]]:
    """The money of each resource, and of operator and user by their contract."""
    payments = divided(money.payment, money.payment_by, entry.item)
    penalties = divided(money.penalty, money.penalty_by, entry.item)
    found = []
    for resource in payments:
        name = formed(contracts.get(resource), "text", f"{entry.item}, lines, {resource}, contract")
        contract = contract_of(case, resource, name, case.awarding.number)
        counts = first_contract(case, resource, case.awarding.number)
        compare(f"{entry.item}, lines, {resource}, contract", name, counts)
        keys = ("operator_pct", "user_pct", "penalty_operator_pct", "penalty_user_pct")
        pct = [need(contract.document, key, "decimal", contract.item) for key in keys]
        paid = divided(payments[resource], {"operator": pct[0], "user": pct[1]}, contract.item)
        fined = divided(penalties[resource], {"operator": pct[2], "user": pct[3]}, contract.item)
        found.append(
            {
                "resource": resource,
                "contract": name,
                "payment": money_text(payments[resource]),
                "penalty": money_text(penalties[resource]),
                "operator_part": money_text(paid["operator"] - fined["operator"]),
                "user_part": money_text(paid["user"] - fined["user"]),
            }
        )
    return found


def divided(amount: Fraction, shares: dict[str, Fraction], item: str) -> dict[str, Fraction]:
    """Parts that sum to the amount exactly: rounded down, what is left by cents to the largest rests, then by name."""
    total = sum(shares.values(), Fraction(0))
    if total <= 0 or min(shares.values()) < 0:
        raise Refused(item, "form", "no shares", "shares of which one is above 0")
    exact = {name: abs(amount) * 100 * share / total for name, share in shares.items()}
    whole = {name: part.numerator // part.denominator for name, part in exact.items()}
    left = int(abs(amount) * 100) - sum(whole.values())
    for name in sorted(exact, key=lambda name: (whole[name] - exact[name], name))[:left]:
        whole[name] += 1
    return {name: Fraction(part if amount >= 0 else -part, 100) for name, part in whole.items()}


def cause_of(case: Case, entry: Entry, before: Entry | None) -> str:
    """Why there is this revision: the first one, data that came late, or a decided dispute about an earlier one."""
    cause: str = need(entry.document, "cause", "text", entry.item)
    if before is None:
        return "first"
    dispute = cause.removeprefix("dispute ")
    if dispute != cause:
        steps = [each for each in case.book.get(("dispute", case.event.subject), []) if each.number < entry.number]
        name, revision = f"{case.event.subject}-{case.award['operator']}", before.document["revision"]
        decided = [
            each.document.get("statement")
            for each in steps
            if each.document.get("dispute") == dispute and each.document.get("step") == "decided"
        ]
        if not set(decided) & {f"{name}-{number}" for number in range(1, revision + 1)}:
            raise Refused(f"{entry.item}, cause, the decision of dispute {short(dispute)}", "missing")
        return cause
    return "late data"


def check_still_verified(before: Entry, quarters: dict[str, list[dict[str, Any]]], item: str) -> None:
    """Late data never make a verified quarter hour unverified: else a penalty could be removed by false readings."""
    now = {(name, each["at"]): each["verdict"] for name, column in quarters.items() for each in column}
    for resource, each in by_resource(before).items():
        for quarter in need(each, "quarters", "list", before.item):
            at, former = need(quarter, "at", "instant", before.item), quarter.get("verdict")
            if former != "unverified" and now.get((resource, at)) == "unverified":
                raise Refused(f"{item}, {short(resource)}, verdict", "differs", "unverified", former)


def known_later(entry: Entry, frozen: dict[str, dict[str, Any]], resources: Iterable[str]) -> list[dict[str, Any]]:
    """Days, picked or not read, whose energy is another now: they move nothing. What it is now stands as stated."""
    days = {
        (resource, day["day"]): day["energy_wh"]
        for resource in resources
        for day in frozen[resource]["days"]
        if day["outcome"] in ("counts", "not_read")
    }
    found, places = [], iter(days)
    for place, each in enumerate(need(entry.document, "known_later", "list", entry.item)):
        item = f"{entry.item}, known_later[{place}]"
        key = need(each, "resource", "text", item), need(each, "day", "text", item)
        # Taken from the same iterator, so each stands once and in the order of the baseline.
        if key not in places:
            raise Refused(f"{item}, day", "form", key[1], "the next day that was picked or not read")
        is_wh = need(each, "is_wh", "whole?", item)
        if is_wh == days[key]:
            raise Refused(f"{item}, is_wh", "form", is_wh, "another energy than was_wh")
        found.append({"resource": key[0], "day": key[1], "was_wh": days[key], "is_wh": is_wh})
    return found


# ---------------------------------------------------------------------------------------------------------------------
# 12. One bundle, several bundles, and what is said about them.


class Report(NamedTuple):
    """What came of one bundle."""

    name: str
    code: int
    told: dict[str, Any]
    chain: list[str]
    refusal: Refused | None


def check_bundle(files: dict[str, bytes], keys: Sequence[bytes]) -> tuple[dict[str, Any], list[str]]:
    """Everything about one bundle; raises `Refused` for the first item that is not as it should be.

    The nearest item is named: what an entry says is checked before the digest of its file, the signature last.
    """
    manifest = check_manifest(files)
    try:
        told, chain = check_content(files, manifest)
    except Refused as refusal:
        # An item that two texts disagree about may be named by one and altered in the other: the file says more.
        if refusal.code in ("missing", "unknown", "unreadable"):
            check_files(files, manifest)
        raise
    check_files(files, manifest)
    signature = files["signature"].decode("ascii", "replace")
    if not re.fullmatch(r"[0-9a-f]{128}\n?", signature):
        raise Refused("signature", "form", signature, "128 hexadecimal digits")
    if keys and not any(signed(key, files["manifest.json"], bytes.fromhex(signature.strip())) for key in keys):
        raise Refused("signature", "signature")
    return told, chain


def check_content(files: dict[str, bytes], manifest: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Chain, references, baselines and every revision of the statement."""
    chain = read_chain(files, manifest)
    book = read_entries(files, chain)
    ours = [
        each
        for each in book.get(("statement", manifest["event"]), [])
        if each.document.get("operator") == manifest["operator"]
    ]
    if not ours or ours[-1].document.get("statement") != manifest["statement"]:
        raise Refused(f"the statement entry of {short(manifest['statement'])}", "missing")
    case = read_case(book, files, manifest, ours[0].number)
    if not called(book, case.event.subject, ours[-1].number):
        raise Refused(f"{ours[-1].item}, of an event that was cancelled or superseded", "unknown")
    check_bid(case)
    for resource in case.parts:
        check_resource(case, resource)
    proof = Proof(read_lines(files, "readings.jsonl"), read_declared(files))
    frozen = of_award(case, "frozen", case.awarding.number, ours[0].number)
    looked = check_frozen(case, proof, frozen)
    curves = check_adjusted(case, proof, frozen, ours[0].number)
    before = None
    for entry in ours:
        check_statement(case, proof, frozen, curves, entry, before)
        before = entry
    last = ours[-1].document
    told = {
        "event": manifest["event"],
        "operator": manifest["operator"],
        "statement": manifest["statement"],
        "status": last["status"],
        "payment_cny": last["payment"],
        "penalty_cny": last["penalty"],
        "net_cny": last["net"],
        "resources": len(case.parts),
        "quarter_hours": len(case.quarters),
        "days_looked_at": looked,
        "revisions": len(ours),
        "head": {"number": len(chain), "digest": chain[-1]},
    }
    losses = [declared(entry) for entry in book.get(("loss", "ledger"), [])]
    return told | ({"losses": losses} if losses else {}), chain


def declared(entry: Entry) -> dict[str, Any]:
    """A loss that the centre declared: the ledger goes on after an entry, and what followed it before is lost."""
    after, through = (need(entry.document, key, "whole", entry.item) for key in ("after", "through"))
    reason, digest = (need(entry.document, key, "text", entry.item) for key in ("reason", "digest"))
    if not 0 <= after < min(entry.number, through):
        raise Refused(entry.item, "form", f"{after} to {through}", f"0 to {entry.number - 1}, and more")
    return {"entry": entry.number, "after": after, "through": through, "digest": digest, "reason": reason}


def report_on(path: Path, keys: Sequence[bytes]) -> Report:
    """What came of one bundle; nothing that it holds can end the program."""
    try:
        told, chain = check_bundle(read_archive(path), keys)
        return Report(path.name, VERIFIED if keys else UNKNOWN, told, chain, None)
    except Refused as refusal:
        return Report(path.name, ALTERED, {}, [], refusal)
    except OSError as error:
        return Report(path.name, ALTERED, {}, [], Refused(path.name, "unreadable", error.strerror))
    except Exception as error:  # noqa: BLE001  the outermost guard: what was not foreseen is refused, with its name
        return Report(path.name, ALTERED, {}, [], Refused(path.name, "unreadable", f"{type(error).__name__}: {error}"))


def second_history(reports: Sequence[Report]) -> Refused | None:
    """The first entry at which the chains of two bundles part, if they do: somebody was shown another ledger."""
    for one, two in combinations([each for each in reports if each.chain], 2):
        for place, (left, right) in enumerate(zip(one.chain, two.chain, strict=False), 1):
            if left != right:
                return Refused(one.name, "declared" if lost(one, two, place) else "history", place, two.name)
    return None


def lost(one: Report, two: Report, place: int) -> bool:
    """Whether one of two bundles declares that what the other holds from a place on was lost, by a digest of it."""
    for teller, other in ((one, two), (two, one)):
        for each in teller.told.get("losses", []):
            through = each["through"]
            if each["after"] < place and through <= len(other.chain) and other.chain[through - 1] == each["digest"]:
                return True
    return False


NOT_PROVEN = (
    (
        "that a meter, and the gateway that read it, told the truth: gateways do not sign their readings yet",
        "电表及其网关是否如实上报：网关目前尚不对读数签名",
    ),
    (
        "that no entry was left out: the chain has digests only, so that shows only in the bundle of another party",
        "是否有记录被略去：链只含摘要，略去只在另一方的数据包含有该记录时才会显现",
    ),
    (
        "that a quarter hour was rightly called missing or estimated, or a finding rightly raised: they are as stated",
        "某一刻钟被列为缺失、估算或有异常记录是否恰当：以所写为准",
    ),
    (
        "the history behind a baseline's eligibility: its figures are compared with the pack, not computed again",
        "基线资格所依据的历史：仅将其指标与规则比较，不重新计算",
    ),
    (
        "that the losing bids were rightly refused: only the award of this operator is checked against its bid",
        "其他报价未中标是否恰当：仅将本运营商的中标与其报价核对",
    ),
)
VERDICTS = {
    VERIFIED: ("VERIFIED", "已验证"),
    UNKNOWN: ("RECOMPUTED, SIGNER UNKNOWN", "重算一致，签名者未知"),
    ALTERED: ("NOT VERIFIED", "未通过验证"),
}


def lines_about(report: Report, zh: bool) -> list[str]:
    """What a person reads about one bundle."""
    if report.refusal is not None:
        return [f"{report.name}: {VERDICTS[ALTERED][zh]}: {report.refusal.sentence('zh' if zh else 'en')}"]
    told = report.told
    amounts_ = (told["payment_cny"], told["penalty_cny"], told["net_cny"])
    head = f"{told['head']['number']} {told['head']['digest']}"
    mark = "" if told["status"] == "payable" else " [模拟 / simulation]"
    counts = (told["resources"], told["quarter_hours"], told["days_looked_at"], told["revisions"])
    if zh:
        return [
            f"{report.name}: {VERDICTS[report.code][1]}{mark}",
            f"  事件 {told['event']}，运营商 {told['operator']}，结算单 {told['statement']}",
            "  应付 {}，罚款 {}，净额 {} 元".format(*amounts_),
            "  由读数重算，分毫不差：资源 {} 个，刻钟 {} 个，候选日 {} 个，版本 {} 个".format(*counts),
            f"  链头 {head}",
        ]
    return [
        f"{report.name}: {VERDICTS[report.code][0]}{mark}",
        f"  event {told['event']}, operator {told['operator']}, statement {told['statement']}",
        "  payment {}, penalty {}, net {} yuan".format(*amounts_),
        "  computed again, the same to the cent: {} resources, {} quarter hours, {} days, {} revisions".format(*counts),
        f"  head of the chain {head}",
    ]


def print_all(reports: Sequence[Report], history: Refused | None, code: int, *, zh: bool, as_json: bool) -> None:
    """Everything that is said, and as the last line one JSON object where it is asked for."""
    out = [line for report in reports for line in lines_about(report, zh)]
    if history is not None:
        out.append(history.sentence("zh" if zh else "en"))
    elif len(reports) > 1:
        out.append("各数据包的链相互一致" if zh else "the chains of the bundles agree as far as both go")
    if code == UNKNOWN:
        out.append("未给出公钥：请用 --key 指定" if zh else "no key was given, so the signer is unknown: use --key")
    out.append("本程序不能证明：" if zh else "What this cannot prove:")
    out += [f"  - {pair[zh]}" for pair in NOT_PROVEN]
    if as_json:
        bundles = [
            {
                "file": each.name,
                "verdict": VERDICTS[each.code][0].lower(),
                "item": None if each.refusal is None else each.refusal.item,
                "why": None if each.refusal is None else each.refusal.sentence("en"),
                **each.told,
            }
            for each in reports
        ]
        second = None if history is None else {"number": int(history.said), "why": history.sentence("en")}
        not_proven = [pair[0] for pair in NOT_PROVEN]
        last = {"exit": code, "bundles": bundles, "second_history": second, "not_proven": not_proven}
        out.append(json.dumps(last, ensure_ascii=False))
    sys.stdout.write("\n".join(out) + "\n")


def read_key(path: Path) -> bytes:
    """The public key of the centre: 64 hexadecimal digits in a file that did not come with the bundle."""
    with path.open("rb") as file:
        text = file.read(200).decode("ascii", "replace").strip()
    if not SHA.fullmatch(text.lower()) or point_of(bytes.fromhex(text)) is None:
        raise ValueError(f"{path} does not hold a public key: 64 hexadecimal digits are expected")
    return bytes.fromhex(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code says what came of it."""
    parser = argparse.ArgumentParser(prog="verify", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("bundles", nargs="+", type=Path, metavar="BUNDLE", help="a *.bundle file")
    parser.add_argument(
        "--key", action="append", type=Path, default=[], help="a public key of the centre; may be repeated"
    )
    parser.add_argument("--lang", choices=("en", "zh"), default="en", help="language of what is printed")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    try:
        given = parser.parse_args(arguments)
        keys = [read_key(path) for path in given.key]
    except SystemExit as stop:
        return USAGE if stop.code else 0
    except (OSError, ValueError) as error:
        sys.stderr.write(f"--key: {error}\n")
        return USAGE
    lacking = [path for path in given.bundles if not path.is_file()]
    if lacking:
        sys.stderr.write(f"{lacking[0]} is not a file\n")
        return USAGE
    reports = [report_on(path, keys) for path in given.bundles]
    history = second_history(reports)
    codes = {each.code for each in reports} | ({ALTERED} if history else set())
    code = next(each for each in (ALTERED, UNKNOWN, VERIFIED) if each in codes)
    print_all(reports, history, code, zh=given.lang == "zh", as_json=given.json)
    return code


if __name__ == "__main__":
    sys.exit(main())
