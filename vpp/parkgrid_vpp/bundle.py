"""A bundle: everything that one statement rests on, in one signed archive that anybody can recompute.

    entries, readings, declarations, findings, minutes ─▶ files ─▶ manifest with their digests ─▶ signature ─▶ zip

A pure function of its contents and the key: the same contents give the same bytes. docs/vpp-bundle.md has the format;
`verify.py` reads it and shares no code with this file.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from parkgrid_domain.vpp.ledger import Entry, canonical, instant
from parkgrid_vpp.centre_key import CentreKey

FORMAT = "parkgrid-vpp-bundle-2"
UNSIGNED = "0" * 128
"""Stands where the signature would: no key has signed that."""
_OLDEST = (1980, 1, 1, 0, 0, 0)
"""The date of every file in the archive: a date of writing would make two bundles of the same contents differ."""
_MODE = 0o644
_README = """# {event} · {operator}

Everything that the statement {statement} rests on, to be recomputed by anybody:

    python verify.py FILE --key centre.pub

`verify.py` needs only Python 3.11 or newer and comes with parkgrid (`vpp/parkgrid_vpp/verify.py`), as does the
description of this format (`docs/vpp-bundle.md`). Take the key `centre.pub` from the centre itself, not from whoever
gave you this file.

本文件含结算单 {statement} 的全部依据，任何人都可重新计算：

    python verify.py 文件 --key centre.pub --lang zh

`verify.py` 只需 Python 3.11 及以上版本，随 parkgrid 发布（`vpp/parkgrid_vpp/verify.py`）；
格式说明见 `docs/vpp-bundle.zh.md`。公钥 `centre.pub` 请向中心本身索取，不要取自交给您本文件的人。

| | |
|---|---|
| manifest.json, signature | digests of all files, signed by the centre / 各文件摘要及中心签名 |
| entries.jsonl, chain.txt | acts of the ledger; digest of every act / 账本记录；每条记录的摘要 |
| readings.jsonl | register readings behind each figure / 各数据所依据的电表读数 |
| declarations.jsonl, findings.jsonl | what was declared and found of the registers / 电表的申报与异常 |
| minutes.csv | power of the event, minute by minute / 事件期间逐分钟功率 |
| rules/ | settlement pack, baselines, calendars / 结算规则、基线、日历 |
"""


@dataclass(frozen=True, slots=True)
class Declared:
    """What was declared of a register from an instant on; 1 step of a register is 1 Wh."""

    register: str
    valid_from_ms: int
    modulus_steps: int | None
    ratio_numerator: int
    ratio_denominator: int
    initial_steps: int | None
    final_steps: int | None


@dataclass(frozen=True, slots=True)
class Minute:
    """The mean power of a device over one minute."""

    device: str
    at: datetime
    power_w: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What a bundle holds."""

    event: str
    operator: str
    statement: str
    created: datetime
    engine: str
    """The version of the program that settled."""
    entries: Sequence[Entry]
    """Every entry that the money rests on, by number."""
    chain: Sequence[str]
    """The digest of every entry of the ledger, from the first to the head."""
    readings: Mapping[tuple[int, str], Sequence[str]]
    """Number of an entry and resource to the evidence lines whose digest that entry carries for that resource."""
    declarations: Mapping[int, Sequence[Declared]] = field(default_factory=dict)
    """By the number of the entry to which they were known."""
    findings: Sequence[Mapping[str, Any]] = ()
    minutes: Sequence[Minute] = ()

    @property
    def file_name(self) -> str:
        """What the archive is called."""
        return f"{self.event}-{self.operator}.bundle"


def write(contents: Contents, key: CentreKey | None) -> bytes:
    """The archive; without a key it is the same but for its signature."""
    files = _files(contents)
    manifest = canonical(
        {
            "format": FORMAT,
            "event": contents.event,
            "operator": contents.operator,
            "statement": contents.statement,
            "created": instant(contents.created),
            "engine": contents.engine,
            "head": {"number": len(contents.chain), "digest": contents.chain[-1]},
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        }
    ).encode()
    signature = (UNSIGNED if key is None else key.sign(manifest).hex()).encode() + b"\n"
    return archive({"manifest.json": manifest, "signature": signature, **files})


def archive(files: Mapping[str, bytes]) -> bytes:
    """Files as a plain zip archive, in the order given."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, _OLDEST)
            info.external_attr, info.compress_type = _MODE << 16, zipfile.ZIP_DEFLATED
            target.writestr(info, data)
    return packed.getvalue()


def _files(contents: Contents) -> dict[str, bytes]:
    entries = sorted(contents.entries, key=lambda each: each.number)
    words = {"event": contents.event, "operator": contents.operator, "statement": contents.statement}
    return {
        "README.md": _README.format(**words).encode(),
        "entries.jsonl": _lines(entry_line(each) for each in entries),
        "chain.txt": _lines(contents.chain),
        "readings.jsonl": _lines(_readings(contents.readings)),
        "declarations.jsonl": _lines(_declarations(contents.declarations)),
        "findings.jsonl": _lines(canonical(dict(each)) for each in contents.findings),
        "minutes.csv": _lines(_minutes(contents.minutes)),
        **{f"rules/{each.subject}.toml": each.document["text"].encode() for each in entries if each.kind == "rules"},
    }


def entry_line(entry: Entry) -> str:
    """An entry as it stands in a bundle."""
    return canonical(
        {
            "number": entry.number,
            "kind": entry.kind,
            "subject": entry.subject,
            "at": instant(entry.at),
            "by": entry.by,
            "document": entry.document,
            "previous": entry.previous,
            "digest": entry.digest,
        }
    )


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _readings(readings: Mapping[tuple[int, str], Sequence[str]]) -> Iterator[str]:
    for (number, resource), lines in sorted(readings.items()):
        yield from (f'[{number},"{resource}",{line}]' for line in lines)


def _declarations(declarations: Mapping[int, Sequence[Declared]]) -> Iterator[str]:
    for number, known in sorted(declarations.items()):
        for each in sorted(known, key=lambda one: (one.register, one.valid_from_ms)):
            told = [
                each.register,
                each.valid_from_ms,
                each.modulus_steps,
                each.ratio_numerator,
                each.ratio_denominator,
                each.initial_steps,
                each.final_steps,
            ]
            yield canonical([number, told])


def _minutes(minutes: Sequence[Minute]) -> Iterator[str]:
    yield "device,at,active_power_kw"
    for each in sorted(minutes, key=lambda one: (one.device, one.at)):
        sign = "-" if each.power_w < 0 else ""
        whole, rest = divmod(abs(each.power_w), 1_000)
        yield f"{each.device},{instant(each.at)},{sign}{whole}.{rest:03}"
