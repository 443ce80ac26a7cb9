"""The archive of a workbook (.xlsx) within bounds: nothing is expanded that the file only declares.

A workbook is a ZIP archive of XML parts. Only the parts that are asked for are unpacked, and all of them together may
take so many bytes and elements; sizes that the archive states are not trusted. A document type, and so every entity, is
refused. The parts are those of ECMA-376 part 2.
"""

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.parsers import expat

from parkgrid_accounting.spreadsheet.errors import FileError

MOST_PARTS = 1_000
MOST_UNPACKED, MOST_ELEMENTS, MOST_DEPTH = 20_000_000, 1_000_000, 50
LONGEST_ELEMENT = 131_072
"""Bytes from one `<` to the next; a cell of a spreadsheet program holds at most 32,767 characters."""
_ENTRY = b"PK\x01\x02"
_DAMAGED = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError, ValueError)
Attributes = Mapping[str, str]
Started = Callable[[str, Attributes], None]
Ended = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Relation:
    """What a part refers to inside the file."""

    id: str
    kind: str
    part: str


class Package:
    """The parts of one file. Raises `FileError` for what is damaged or beyond the bounds."""

    def __init__(self, content: bytes) -> None:
        self._archive = _archive(content)
        self._bytes = self._elements = 0

    def walk(self, part: str, start: Started, end: Ended | None = None, text: Ended | None = None) -> None:
        """The elements of a part in order, without the prefixes of their names."""
        _Walk(self, part, start, end or _ignored, text or _ignored).feed(self._unpacked(part))

    def count(self, part: str) -> None:
        """One element more."""
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise FileError(
                f"{part}：文件中的单元格等元素超过 {MOST_ELEMENTS} 个：请删除表格以外的空行和格式，另存后再导入",
                f"{part}: the file has more than {MOST_ELEMENTS} elements such as cells: delete empty rows and formats "
                "outside the table, and save it again",
            )

    def _unpacked(self, part: str) -> bytes:
        try:
            with self._archive.open(part) as packed:
                data = packed.read(MOST_UNPACKED - self._bytes + 1)
        except KeyError:
            raise not_workbook(f"there is no {part}") from None
        except _DAMAGED as error:
            raise not_workbook(f"{part}: {error}") from error
        self._bytes += len(data)
        if self._bytes > MOST_UNPACKED:
            raise FileError(
                f"{part}：文件解压后超过 {MOST_UNPACKED} 字节：请只保留需要导入的工作表",
                f"{part}: the file unpacks to more than {MOST_UNPACKED} bytes: keep only the sheet to import",
            )
        return data

    def related(self, part: str) -> list[Relation]:
        """Everything that a part refers to inside the file; of the file itself for no name."""
        folder, name = posixpath.split(part)
        found: list[Relation] = []

        def start(element: str, attributes: Attributes) -> None:
            if element == "Relationship" and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", "")))
                found.append(Relation(attributes.get("Id", ""), attributes.get("Type", ""), target.lstrip("/")))

        self.walk(posixpath.join(folder, "_rels", f"{name}.rels"), start)
        return found


class _Walk:
    """One pass over a part."""

    def __init__(self, package: Package, part: str, start: Started, end: Ended, text: Ended) -> None:
        self._package, self._part, self._start, self._end = package, part, start, end
        self._depth = 0
        # The encoding is ours: one that the part names could make other letters of its bytes.
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_entities
        self._parser.StartElementHandler = self._started
        self._parser.EndElementHandler = self._ended
        self._parser.CharacterDataHandler = text

    def feed(self, data: bytes) -> None:
        """Walk over all of it."""
        if re.search(rb"<[^<]{%d}" % LONGEST_ELEMENT, data):
            raise not_workbook(f"{self._part}: an element is longer than {LONGEST_ELEMENT} bytes")
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            raise not_workbook(f"{self._part}: {error}") from error

    def _refuse_entities(self, *_: object) -> None:
        raise not_workbook(f"{self._part}: it has a document type (DOCTYPE), which no spreadsheet program writes")

    def _started(self, name: str, attributes: Attributes) -> None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise not_workbook(f"{self._part}: elements are nested more than {MOST_DEPTH} deep")
        self._package.count(self._part)
        self._start(name.rpartition(":")[2], attributes)

    def _ended(self, name: str) -> None:
        self._depth -= 1
        self._end(name.rpartition(":")[2])


def not_workbook(why: str) -> FileError:
    """The file is no workbook, or one that no spreadsheet program writes."""
    why = why[:300]
    return FileError(
        f"无法作为 .xlsx 打开（{why}）：请在表格软件中另存为 .xlsx",
        f"it cannot be opened as .xlsx ({why}): save it as .xlsx in a spreadsheet program",
    )


def _archive(content: bytes) -> zipfile.ZipFile:
    """The archive, its entries counted before the directory of them is read."""
    entries = content.count(_ENTRY)
    if entries > MOST_PARTS:
        raise not_workbook(f"it has {entries} parts, at most {MOST_PARTS}")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except _DAMAGED as error:
        raise not_workbook(str(error)) from error
    names = archive.namelist()
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise not_workbook(f"it contains {doubled} twice")
    for each in archive.infolist():
        if each.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} or each.flag_bits & 1:
            raise not_workbook(f"{each.filename} is encrypted or packed in another way than ZIP's deflate")
    return archive


def _ignored(*_: object) -> None:
    """Nothing to do with it."""
