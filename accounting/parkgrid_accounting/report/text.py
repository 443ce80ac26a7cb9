"""Tables as CSV, and texts that no spreadsheet takes for a formula."""

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parkgrid_accounting.report.supervision import Document, Entry

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(text: str) -> str:
    """A text that people chose, so that a spreadsheet shows it and does not compute it."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def draw_csv(document: "Document") -> bytes:
    """The table as UTF-8 with its mark; numbers with every digit, texts harmless."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([f"{each.heading} ({each.unit})" if each.unit else each.heading for each in document.columns])
    for row in document.rows:
        writer.writerow([_plain(row[each.key]) for each in document.columns])
    return text.getvalue().encode("utf-8-sig")


def _plain(entry: "Entry") -> str:
    return harmless(entry.text) if entry.number is None else f"{entry.before}{entry.number.normalize():f}{entry.behind}"
