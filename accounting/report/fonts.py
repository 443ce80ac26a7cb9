"""A font that can write Chinese: a TrueType one found on this machine is embedded, else the reader's own is named.

The standard font STSong-Light is in no file: every PDF reader with Chinese support brings it.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

STANDARD = "STSong-Light"
_EMBEDDED = "ParkgridChinese"
_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts", "C:/Windows/Fonts")
_NAMES = (
    "wqy-*.ttc",
    "DroidSansFallback*.ttf",
    "NotoSansSC*.ttf",
    "NotoSansCJK*.ttf",
    "simsun.*",
    "simhei.ttf",
    "msyh.*",
)
_PROBE = "产值与用能覆盖率监督表坪山，：％≥〔〕"
"""Characters that the report cannot do without."""


@cache
def chinese_font() -> str:
    """The registered name of the font to write with."""
    return embed(_candidates()) or _standard()


def embed(files: Iterable[Path]) -> str | None:
    """Register the first file that can be embedded and has every character; None when there is none."""
    for file in files:
        try:
            font = TTFont(_EMBEDDED, str(file))
        except (TTFError, OSError):
            # Outlines of another kind (CFF) cannot be embedded.
            continue
        if all(ord(character) in font.face.charToGlyph for character in _PROBE):
            pdfmetrics.registerFont(font)
            return _EMBEDDED
    return None


def _standard() -> str:
    pdfmetrics.registerFont(UnicodeCIDFont(STANDARD))
    return STANDARD


def _candidates() -> Iterable[Path]:
    for name in _NAMES:
        for folder in map(Path, _FOLDERS):
            if folder.is_dir():
                yield from sorted(folder.rglob(name))
