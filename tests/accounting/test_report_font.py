"""The PDFs bring their font: two machines with different fonts write the same file, byte by byte."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.accounting.printed import fonts_of, pages_of

_DRAW = """
import hashlib, json, sys
opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)
from parkgrid_accounting.report.draw import draw_pdf
from parkgrid_accounting.report.form import Heading, Report, Section
rows = (("洁净厂房屋顶光伏", 1234.5), ("储能〔一〕", None))
section = Section("电量", (Heading("设备"), Heading("电量 (kWh)", 3)), rows, ("缺失的区间不计入电量。≥ ≈ · –",))
content = draw_pdf(Report("坪山园区  2026-10  能源报告", "仿真数据", "zh", (section,)))
open(sys.argv[1], "wb").write(content)
fonts = [each for each in opened if each.lower().endswith((".ttf", ".ttc", ".otf", ".pfb", ".afm"))]
print(json.dumps([hashlib.sha256(content).hexdigest(), fonts]))
"""
_OURS = "NotoSansSC-GB2312.ttf"


def drawn(out: Path, **environment: str) -> tuple[str, list[str]]:
    """The digest of the same report, and the font files that were opened for it, in a process of its own."""
    command = [sys.executable, "-c", _DRAW, str(out)]
    root = str(Path(__file__).parents[2])
    given = {**os.environ, "PYTHONPATH": root, **environment}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=given, cwd=out.parent)
    digest, fonts = json.loads(done.stdout)
    return digest, fonts


@pytest.mark.process
def test_other_system_fonts_give_the_same_bytes(tmp_path: Path) -> None:
    plain, other = tmp_path / "plain", tmp_path / "other"
    for folder in (plain, other / "fonts", other / ".fonts"):
        folder.mkdir(parents=True)
    # What reportlab and fontconfig would find first, if anybody asked them: a file of our font's name that is none.
    for place in (other, other / "fonts", other / ".fonts"):
        (place / _OURS).write_bytes(b"no font")
    here = {"HOME": str(other), "XDG_DATA_HOME": str(other), "FONTCONFIG_PATH": str(other), "TZ": "America/Lima"}
    first, fonts = drawn(plain / "a.pdf")
    second, others = drawn(other / "b.pdf", **here, PYTHONHASHSEED="7", LANG="C.UTF-8")
    assert first == second
    for opened in (fonts, others):
        assert {Path(each).name for each in opened} == {_OURS}
        assert all(str(tmp_path) not in each for each in opened)


@pytest.mark.process
def test_every_font_is_embedded_and_true_type(tmp_path: Path) -> None:
    drawn(tmp_path / "a.pdf")
    found = fonts_of(tmp_path / "a.pdf")
    assert found
    assert all("NotoSansSC" in name and kind == "TrueType" and embedded for name, kind, embedded in found)
    assert "储能〔一〕" in pages_of(tmp_path / "a.pdf")[0]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_font_has_every_character_that_reports_can_say(language: str) -> None:
    from reportlab.pdfbase.ttfonts import TTFont

    from parkgrid_accounting.report.supervision import _REMARKS, _WORDS
    from parkgrid_accounting.report.words import WORDS
    from parkgrid_domain.clusters.figures import DEFINITIONS
    from parkgrid_domain.clusters.plan import plan
    from parkgrid_domain.clusters.reason import _TEXTS
    from parkgrid_domain.indicators import INDICATORS
    from parkgrid_domain.tariff.reader import example, examples

    known = TTFont(
        "probe", str(Path(__file__).parents[2] / "accounting" / "parkgrid_accounting" / "report" / _OURS)
    ).face.charToGlyph
    said = [*(word[language] for word in WORDS.values()), *_WORDS[language].values(), *_REMARKS[language]]
    said += [text for pair in _TEXTS.values() for text in pair]
    said += [text for each in DEFINITIONS for text in (each.zh, each.en, each.unit)]
    said += [text for each in INDICATORS.values() for text in (each.name_zh, each.name_en, each.unit)]
    said += [text for each in plan().clusters for text in (each.name_zh, each.name_en, each.source, *each.places_zh)]
    said += [text for name in examples() for text in (example(name).name_zh, example(name).name_en)]
    lacking = {sign for text in said for sign in text if ord(sign) not in known and sign != "\n"}
    assert not lacking


def test_the_whole_of_gb2312_is_there() -> None:
    from reportlab.pdfbase.ttfonts import TTFont

    known = TTFont(
        "probe", str(Path(__file__).parents[2] / "accounting" / "parkgrid_accounting" / "report" / _OURS)
    ).face.charToGlyph
    rows, cells = range(0xB0, 0xF8), range(0xA1, 0xFF)
    every = "".join(bytes([row, cell]).decode("gb2312", "ignore") for row in rows for cell in cells)
    assert len(every) == 6_763
    assert all(ord(each) in known for each in every)
