"""Draws the supervision table as a PDF: landscape A4, page numbers, sources by number, notes below."""

import io
from collections.abc import Callable, Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from parkgrid_accounting.report.fonts import report_font
from parkgrid_accounting.report.supervision import Document, Entry, TableColumn

_MARGIN = 12 * mm
_INSIDE = landscape(A4)[0] - 2 * _MARGIN
_WEIGHTS = {"number": 0.45, "cluster": 1.7, "source": 1.4, "revision": 0.65, "park": 2.0, "annual_output": 1.35}
_WEIGHTS |= dict.fromkeys(("intensity", "intensity_equivalent", "intensity_equal_value", "elasticity"), 1.25)
_HEAD_COLOUR = colors.HexColor("#DDEBF7")
_LINE_COLOUR = colors.HexColor("#9BA5B0")


def draw_pdf(document: Document) -> bytes:
    """The document: outputs and targets, energy beside output, parks, notes, sources."""
    styles = _Styles(report_font(), document.language)
    content = io.BytesIO()
    template = SimpleDocTemplate(
        content,
        pagesize=landscape(A4),
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN + 5 * mm,
        title=f"{document.title} {document.subtitle}",
        author="parkgrid",
        # The date of the document stands on it: equal figures give an equal file, byte by byte.
        invariant=1,
        initialFontName=styles.font,
        # A screen reader needs to know; so does a search engine.
        lang="zh-CN" if document.language == "zh" else "en",
    )
    template.build(_story(document, styles), canvasmaker=_numbered(document, styles.font))
    return content.getvalue()


class _Styles:
    """Paragraphs of the document in one font; Chinese lines break anywhere, English ones between words."""

    def __init__(self, font: str, language: str) -> None:
        self.font = font
        self._wrap = "CJK" if language == "zh" else None
        self.title = self._of("title", 15, alignment=TA_CENTER)
        self.subtitle = self._of("subtitle", 9, alignment=TA_CENTER)
        self.part = self._of("part", 10.5)
        self.head = self._of("head", 6.8, alignment=TA_CENTER)
        self.text = self._of("text", 7.5)
        self.number = self._of("number", 7.5, alignment=TA_RIGHT)
        self.note = self._of("note", 7.5, wordWrap="CJK")

    def _of(self, name: str, size: float, **more: Any) -> ParagraphStyle:
        named = {"wordWrap": self._wrap, **more}
        return ParagraphStyle(name, fontName=self.font, fontSize=size, leading=size * 1.35, **named)


def _story(document: Document, styles: _Styles) -> list[Flowable]:
    named = [each for each in document.columns if each.key in ("number", "cluster")]
    output = [each for each in document.columns if not each.energy and each.key not in ("number", "cluster", "source")]
    energy = [each for each in document.columns if each.energy]
    source = next(each for each in document.columns if each.key == "source")
    story: list[Flowable] = [
        Paragraph(escape(document.title), styles.title),
        Spacer(1, 2 * mm),
        Paragraph(escape(f"{document.subtitle}    {document.made}"), styles.subtitle),
        *_part(document, "part_output", [*named, *output, source], document.rows, styles, "source_output"),
        *_part(document, "part_energy", [*named, *energy, source], document.rows, styles, "source_energy"),
    ]
    if document.park_rows:
        story += _part(document, "part_parks", document.park_columns, document.park_rows, styles)
    story += _listed(document.word("notes"), [*document.notes], [*document.reasons], styles)
    story += _listed(document.word("sources"), [], [*document.sources], styles, "S")
    return story


def _part(
    document: Document,
    heading: str,
    columns: Sequence[TableColumn],
    rows: Sequence[dict[str, Entry]],
    styles: _Styles,
    source: str = "source",
) -> list[Flowable]:
    heads = [_heading(each, styles) for each in columns]
    body = [
        [_cell(each, row[source if each.key == "source" else each.key], styles) for each in columns] for row in rows
    ]
    weights = [_WEIGHTS.get(each.key, 1.0) for each in columns]
    widths = [_INSIDE * weight / sum(weights) for weight in weights]
    drawn = Table([heads, *body], colWidths=widths, repeatRows=1)
    drawn.setStyle(
        TableStyle(
            [
                ("FONTNAME", (0, 0), (-1, -1), styles.font),
                ("GRID", (0, 0), (-1, -1), 0.4, _LINE_COLOUR),
                ("BACKGROUND", (0, 0), (-1, 0), _HEAD_COLOUR),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
                ("RIGHTPADDING", (0, 0), (-1, -1), 2),
            ]
        )
    )
    title = _paragraph(document.word(heading), styles.part)
    return [KeepTogether([Spacer(1, 4 * mm), title, Spacer(1, 1.5 * mm), drawn])]


def _heading(column: TableColumn, styles: _Styles) -> Paragraph:
    unit = f"<br/>({escape(column.unit)})" if column.unit else ""
    return Paragraph(f"{escape(column.heading)}{unit}", styles.head)


def _cell(column: TableColumn, entry: Entry, styles: _Styles) -> Paragraph:
    style = styles.text if column.key in ("number", "cluster", "source", "park") else styles.number
    return _paragraph(entry.shown(column.decimals), style)


def _listed(
    heading: str, plain: Sequence[str], numbered: Sequence[str], styles: _Styles, mark: str = ""
) -> list[Flowable]:
    lines = [*(f"[{mark}{number}] {text}" for number, text in enumerate(numbered, 1)), *(f"· {text}" for text in plain)]
    return [
        Spacer(1, 3 * mm),
        _paragraph(heading, styles.part),
        *(_paragraph(line, styles.note) for line in lines),
    ]


def _paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    # What people chose may hold signs of the paragraph's own language.
    return Paragraph(escape(text.strip()), style)


def _numbered(document: Document, font: str) -> Callable[..., Canvas]:
    """A canvas that knows how many pages there are when it writes the first one's number."""

    class Numbered(Canvas):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802  (the library's name)
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, 1):
                self.__dict__.update(page)
                self.setFont(font, 8)
                self.drawCentredString(landscape(A4)[0] / 2, _MARGIN / 2, f"{number} / {len(self._pages)}")
                self.drawString(_MARGIN, _MARGIN / 2, f"{document.title} {document.subtitle}")
                super().showPage()
            super().save()

    return Numbered
