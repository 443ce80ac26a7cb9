"""Altering one value of a bundle, and making good what an attacker can make good of digests, chain and signature."""

import hashlib
import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from parkgrid_domain.vpp.ledger import VERSION, canonical
from parkgrid_vpp.bundle import archive
from parkgrid_vpp.centre_key import CentreKey

JSON_LINES = ("entries.jsonl", "readings.jsonl", "declarations.jsonl", "findings.jsonl")
Path = tuple[str | int, ...]


@dataclass(slots=True)
class Bundle:
    """The files of a bundle, to be altered."""

    files: dict[str, bytes]
    named: list[str] = field(default_factory=list)
    """What was altered."""

    @classmethod
    def of(cls, data: bytes) -> "Bundle":
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            return cls({name: packed.read(name) for name in packed.namelist()})

    def lines(self, name: str) -> list[Any]:
        return [json.loads(line) for line in self.files[name].decode().splitlines()]

    def put(self, name: str, lines: list[Any]) -> None:
        self.files[name] = "".join(f"{canonical(line)}\n" for line in lines).encode()

    @property
    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.files["manifest.json"])
        return found

    def packed(self) -> bytes:
        return archive(self.files)

    def digested(self) -> "Bundle":
        """With the digests of all files in the manifest."""
        told = self.manifest
        told["files"] = {
            name: hashlib.sha256(data).hexdigest()
            for name, data in self.files.items()
            if name not in ("manifest.json", "signature")
        }
        chain = self.files["chain.txt"].decode().split()
        told["head"] = {"number": len(chain), "digest": chain[-1] if chain else ""}
        self.files["manifest.json"] = canonical(told).encode()
        return self

    def chained(self) -> "Bundle":
        """With the digests of every entry and the chain, and where they are named: readings, superseded statements."""
        entries, chain = self.lines("entries.jsonl"), self.files["chain.txt"].decode().split()
        self._readings(entries)
        former: dict[str, str] = {}
        for entry in entries:
            number = entry["number"]
            if number == 1 or 2 <= number <= len(chain) + 1:
                entry["previous"] = chain[number - 2] if number > 1 else "0" * 64
            document = entry["document"]
            if entry["kind"] == "statement" and document.get("supersedes") is not None:
                document["supersedes"] = former.get(document.get("award"), document["supersedes"])
            keys = ("number", "previous", "kind", "subject", "at", "by", "document")
            entry["digest"] = hashlib.sha256(canonical([VERSION, *(entry[key] for key in keys)]).encode()).hexdigest()
            if 1 <= number <= len(chain):
                chain[number - 1] = entry["digest"]
            if entry["kind"] == "statement":
                former[document.get("award")] = entry["digest"]
        self.put("entries.jsonl", entries)
        self.files["chain.txt"] = "".join(f"{each}\n" for each in chain).encode()
        return self

    def signed(self, key: CentreKey) -> "Bundle":
        """With a signature by a key."""
        self.files["signature"] = key.sign(self.files["manifest.json"]).hex().encode() + b"\n"
        return self

    def _readings(self, entries: list[Any]) -> None:
        lines: dict[tuple[int, str], list[str]] = {}
        for number, resource, line in self.lines("readings.jsonl"):
            lines.setdefault((number, resource), []).append(canonical(line))
        for entry in entries:
            listed = entry["document"].get("resources") if entry["kind"] in ("frozen", "adjusted", "statement") else ()
            for each in listed if isinstance(listed, list) else ():
                mine = lines.get((entry["number"], each.get("resource")), [])
                if "readings" in each:
                    each["readings"] = hashlib.sha256("\n".join(mine).encode()).hexdigest()


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that holds no other, with the way to it."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from leaves(each, (*path, place))
    else:
        yield path, value


def other(value: Any, chance: random.Random) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + chance.choice((-100, -1, 1, 7, 100))
    if value is None:
        return chance.choice((0, 1))
    if not value:
        return "x"
    place = chance.randrange(len(value))
    return value[:place] + _letter(value[place], chance) + value[place + 1 :]


def _letter(letter: str, chance: random.Random) -> str:
    alphabet = "0123456789" if letter.isdigit() else "abcdef"
    return chance.choice([each for each in alphabet if each != letter])


def put(value: Any, path: Path, new: Any) -> None:
    """Put a value at the end of a way."""
    for step in path[:-1]:
        value = value[step]
    value[path[-1]] = new


def alter_any(bundle: Bundle, chance: random.Random) -> None:
    """Alter one value of any file."""
    name = chance.choice(sorted(bundle.files))
    if name in JSON_LINES:
        alter_line(bundle, name, chance)
    elif name == "manifest.json":
        told = bundle.manifest
        path, value = chance.choice(list(leaves(told)))
        put(told, path, other(value, chance))
        bundle.files[name] = canonical(told).encode()
        bundle.named = [name, *map(str, path)]
    else:
        text = bundle.files[name].decode()
        places = [place for place, letter in enumerate(text) if letter.isalnum()]
        place = chance.choice(places)
        bundle.files[name] = (text[:place] + _letter(text[place], chance) + text[place + 1 :]).encode()
        bundle.named = [name]


def alter_line(
    bundle: Bundle,
    name: str,
    chance: random.Random,
    wanted: Callable[[Any, Path], bool] | None = None,
    by: int | None = None,
) -> None:
    """Alter one value in one line of a file, of those that are wanted; numbers by so much, where it is given."""
    lines = bundle.lines(name)
    while True:
        place = chance.randrange(len(lines))
        found = [(path, value) for path, value in leaves(lines[place]) if wanted is None or wanted(lines[place], path)]
        if found:
            break
    path, value = chance.choice(found)
    put(lines[place], path, other(value, chance) if by is None else value + by)
    bundle.named = [name, f"line {place + 1}", *map(str, path), repr(value)]
    if name == "entries.jsonl":
        bundle.named.append(f"entry {lines[place]['number']}")
    bundle.put(name, lines)
