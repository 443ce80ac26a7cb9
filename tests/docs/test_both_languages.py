"""Every document that exists in English and Chinese has the same content in both, as far as a machine can see it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
WORD = re.compile(r"(?<!\w)[a-z_][a-z0-9_./:-]*[a-z0-9]", re.ASCII)


def pairs() -> list[tuple[Path, Path]]:
    """English and Chinese files, found by their names."""
    translated = [(path.with_name(path.name.replace(".zh.md", ".md")), path) for path in DOCS.rglob("*.zh.md")]
    readme = (ROOT / "README.md", ROOT / "README.zh-CN.md")
    return [readme, (DOCS / "guide" / "en.md", DOCS / "guide" / "zh.md"), *sorted(translated)]


def prose(text: str) -> str:
    """The text without its code blocks."""
    return FENCE.sub("", text)


def headings(text: str) -> list[int]:
    """Their levels, in order."""
    return [len(found) for found in re.findall(r"^(#+) ", prose(text), re.MULTILINE)]


def code_blocks(text: str) -> list[tuple[str, int]]:
    """Language and number of lines of each."""
    return [(language, body.count("\n")) for language, body in FENCE.findall(text)]


def commands(text: str) -> list[str]:
    """The first two words of each line of the shell blocks: what is called, without what it is given."""
    shell = [body for language, body in FENCE.findall(text) if language == "sh"]
    return [" ".join(line.split()[:2]) for body in shell for line in body.splitlines()]


def rooms(text: str) -> list[str]:
    """The folders that the README lists, in order."""
    return re.findall(r"^(\w+/) {2,}", text, re.MULTILINE)


def inline_code(text: str) -> set[str]:
    """The words between single backticks, without what the reader puts in (`<maker>`, DIR, Chinese)."""
    spans = re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", prose(text))
    return {word for span in spans for word in WORD.findall(re.sub(r"<\w+>", "", span))} - {"en", "zh"}


def links(text: str) -> list[str]:
    """Files that it links to, where a Chinese document counts as its English original."""
    found = re.findall(r"\]\(([^)#\s]+)[^)\s]*\)", prose(text))
    return sorted(re.sub(r"(\.(zh|zh-CN|en))?\.(md|png)$", "", each).replace("guide/zh", "guide/en") for each in found)


def tables(text: str) -> list[tuple[int, int]]:
    """Rows and columns of each table, in order."""
    blocks = re.findall(r"(?:^ *\|.*\n?)+", prose(text), re.MULTILINE)
    return [(block.count("\n"), block.splitlines()[0].count("|") - 1) for block in (each + "\n" for each in blocks)]


def list_items(text: str) -> list[int]:
    """The indentation of each item, in order."""
    return [len(found) for found in re.findall(r"^( *)- ", prose(text), re.MULTILINE)]


def figures(text: str) -> set[str]:
    """Numbers of three digits and more."""
    return set(re.findall(r"(?<![\w.,])\d[\d,.]*\d\d(?!\w)", prose(text)))


@pytest.mark.parametrize(
    "part", [headings, code_blocks, commands, rooms, inline_code, links, tables, list_items, figures]
)
@pytest.mark.parametrize(("english", "chinese"), pairs(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_both_languages_have_the_same(english: Path, chinese: Path, part: Callable[[str], object]) -> None:
    assert part(english.read_text("utf-8")) == part(chinese.read_text("utf-8"))


def test_what_is_read_most_exists_in_chinese() -> None:
    chinese = {path.name for _, path in pairs()}
    assert chinese >= {
        "README.zh-CN.md",
        "zh.md",
        "add-a-device.zh.md",
        "add-an-indicator.zh.md",
        "data-access.zh.md",
        "tls.zh.md",
        "your-own-data.zh.md",
        "threat-model.zh.md",
    }
