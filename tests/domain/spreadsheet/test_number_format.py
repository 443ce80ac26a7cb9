"""What a spreadsheet shows of a stored number; expected texts are those of Excel and LibreOffice, grouping left out."""

from decimal import Decimal

import pytest

from parkgrid_domain.spreadsheet.number_format import display

ACCOUNTING = '_ * #,##0.00_ ;_ * -#,##0.00_ ;_ * "-"??_ ;_ @_ '


@pytest.mark.parametrize(
    ("code", "stored", "text", "number"),
    [
        ("0!.0000", "12345", "1.2345", "1.2345"),
        ("0!.0,", "123456", "12.3", "12.3"),
        (r"0\.00", "150", "1.50", "1.50"),
        ("0．0", "12", "1．2", "1.2"),
        ('0"点"0000', "12345", "1点2345", "1.2345"),
        ("0,", "4321", "4", "4"),
        ("0.0,,", "12345678", "12.3", "12.3"),
        ("#,##0,.00", "4321", "4.32", "4.32"),
        ("0.0,", "0.3", "0.0", "0.0"),
        ("0%", "0.85", "85%", "85"),
        ('0"%"', "60", "60%", "60"),
        ('0"0000"', "5", "50000", "50000"),
        ("[>=10000]0!.0,;0", "123456", "12.3", "12.3"),
        ('"n/a"', "5", "n/a", None),
        (";;;", "5", "", None),
        ("0!.0E+0", "5", "0!.0E+0", None),
        ("0%;0", "0.85", "85%", "85"),
    ],
)
def test_another_number_is_shown(code: str, stored: str, text: str, number: str | None) -> None:
    found = display(Decimal(stored), code)
    assert (found.text, found.number, found.same) == (text, None if number is None else Decimal(number), False)


@pytest.mark.parametrize(
    ("code", "stored", "behind"),
    [
        ("General", "850.3", ""),
        ("", "850.3", ""),
        ("@", "5", ""),
        ("0.00E+00", "12345", ""),
        ("# ?/?", "1.5", ""),
        ("#,##0.00", "1234.567", ""),
        ("#,##0", "123456789", ""),
        (".00", "12.5", ""),
        ("0", "0.4", ""),
        (ACCOUNTING, "1234.5", ""),
        (ACCOUNTING, "0", ""),
        (";;;", "0", ""),
        ("0%", "0", ""),
        ('0.00"亿元"', "850.3", "亿元"),
        ('General"万"', "5", "万"),
        ("[$¥-804]#,##0.00", "3.5", ""),
        (r'"¥"#,##0.00_);[Red]\("¥"#,##0.00\)', "-5", ")"),
        ('"Q"0', "2", ""),
        ('"2024年"0', "2", ""),
        ("000-0000", "12345", ""),
        ("[>=10000]0!.0,;0", "12", ""),
        ("0.00_ ", "1E+300", ""),
    ],
)
def test_the_same_number_is_shown(code: str, stored: str, behind: str) -> None:
    found = display(Decimal(stored), code)
    assert (found.same, found.behind) == (True, behind), found
