"""The font of the PDFs, embedded: what a report looks like depends on no font of the machine that makes or shows it.

Noto Sans SC (SIL Open Font License 1.1, its text lies beside the font), cut down by `scripts/report-font` to GB 2312
and what figures need; a character that it lacks is drawn as an empty box, on every machine alike.
"""

from functools import cache
from importlib import resources

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

_FILE = "NotoSansSC-GB2312.ttf"
_NAME = "NotoSansSC"


@cache
def report_font() -> str:
    """The registered name of the font to write with."""
    with resources.as_file(resources.files("parkgrid_accounting.report").joinpath(_FILE)) as file:
        pdfmetrics.registerFont(TTFont(_NAME, str(file)))
    return _NAME
