"""Every file and folder that a document names is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    # A decision and a change name what was there when they were written.
    if path.name != "CHANGELOG.md" and path.parent.name != "decisions"
)
# An example of a file that the reader writes, or that a command makes.
OF_THE_READER = {
    "docker/tls",
    "tests/golden/indicators/storage_throughput_kwh",
    "tests/test_b23.py",
    "tests/test_simulated.py",
}
ARCHITECTURE = ROOT / "docs" / "architecture.md"


def named(text: str) -> set[str]:
    """What stands in backticks and begins with a folder of the repository, but for topics of MQTT."""
    folders = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = re.findall(rf"`((?:{folders})/[\w./*-]+)", text)
    return {each.rstrip("/.") for each in found if not each.startswith("parkgrid/v1/")} - OF_THE_READER


def in_tables(text: str) -> Iterator[Path]:
    """The files of the tables; a bare name stands beside the file or folder before it."""
    for row in re.findall(r"^\| .*\|$", text, re.MULTILINE):
        before = None
        for each in re.findall(r"(?<!\()`([\w./-]+)`", row):
            if "/" in each:
                before = ROOT / each
                yield before
            elif before is not None and re.fullmatch(r"\w+(\.py|\.json)?", each):
                beside = before.parent / each if before.suffix else before / each
                yield beside if beside.exists() else before.parent / each


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_path_in_a_document_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    assert sorted(each for each in named(text) if not any(ROOT.glob(each))) == []
    links = re.findall(r"\]\((?!\w+:)([^)#\s]+)", text)
    assert sorted(each for each in links if not (document.parent / each).exists()) == []


def test_every_file_to_read_first_exists() -> None:
    found = list(in_tables(ARCHITECTURE.read_text("utf-8")))
    assert len(found) > 40
    assert [path for path in found if not path.exists()] == []


def test_the_readme_lists_every_room() -> None:
    listed = re.findall(r"^(\w+)/ {2,}", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    packages = {path.name for path in ROOT.iterdir() if any(path.glob(f"parkgrid_{path.name}/__init__.py"))}
    assert set(listed) == packages | {"parkgrid"}
