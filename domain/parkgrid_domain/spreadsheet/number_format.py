r"""What a spreadsheet shows of a number: a format may scale it, put digits or a point between its digits, or hide it.

    0!.0000  of 12345   1.2345    `!` and `\` let the next letter stand for itself, here a point
    0.0,,    of 12345   0.0       a comma behind the last digit divides by 1,000
    0%       of 0.85    85%
    0.00E+00 of 12345   1.23E+04  the same number

The forms are those of ECMA-376 part 1, 18.8.31 (numFmts), and of spreadsheet programs in Chinese, where `!` escapes.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

LONGEST_CODE = 255
"""Characters of a format, the limit of spreadsheet programs."""
_TOKEN = re.compile(r'"([^"]*)"|[\\!](.)|[_*].|\[([^\]]*)\]|((?i:general)|@)|([Ee][+-])|(.)', re.DOTALL)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)(-?[0-9.]{1,20})")
_CURRENCY = re.compile(r"\$([^-]*)")
_POINTS = str.maketrans(dict.fromkeys("。·点", "."))
_EXACT = Context(prec=800, rounding=ROUND_HALF_UP)
_PLACES = "0#?"


@dataclass(frozen=True, slots=True)
class Display:
    """What is shown of a stored number."""

    text: str
    number: Decimal | None
    """The number that a person reads there, a percent sign left out; None when there is none."""
    same: bool
    """Whether that is the stored number, apart from rounding and sign."""
    behind: str = ""
    """The words behind the number, such as a unit."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    """A placeholder, `.`, `,`, `%`, `/`, `;`, `E`, `G` for General, `[` for a condition, `"` for a literal."""
    text: str


def display(stored: Decimal, code: str) -> Display:
    """What the format `code` shows of `stored`, a finite number."""
    tokens = _section(_tokens(code), stored)
    kinds = {token.kind for token in tokens}
    places = [place for place, token in enumerate(tokens) if token.kind in _PLACES or token.kind == "G"]
    behind = "".join(token.text for token in tokens[places[-1] + 1 :] if token.kind == '"').strip() if places else ""
    if kinds & {"E", "/"} and places:
        between = "".join(token.text for token in tokens[places[0] : places[-1]] if token.kind == '"')
        same = not _misleading(between) and not _thousands(tokens) and "%" not in kinds
        return Display(code, stored if same else None, same or not stored, behind)
    pieces = _rendered(tokens, abs(stored))
    number, inserted = _read(pieces)
    text = "".join(piece for piece, _ in pieces).strip()
    scaled = _thousands(tokens) > 0 or "%" in text or inserted
    same = not scaled and number is not None and abs(number - abs(stored)) <= _rounding(tokens)
    signed = -number if number is not None and stored < 0 else number
    return Display(text, signed, same or not stored, behind)


def _tokens(code: str) -> list[_Token]:
    found = []
    for match in _TOKEN.finditer(code[:LONGEST_CODE] or "General"):
        quoted, escaped, bracket, general, exponent, other = match.groups()
        if general:
            found.append(_Token("G", general))
        elif exponent:
            found.append(_Token("E", exponent))
        elif bracket is not None:
            found += _bracket(bracket)
        elif other is not None and other in f"{_PLACES}.,%/;":
            found.append(_Token(other, other))
        else:
            # A blank of the width of a letter, or one that is repeated, shows nothing that could be read.
            found.append(_Token('"', quoted or escaped or other or " "))
    return found


def _bracket(inside: str) -> list[_Token]:
    """A condition, a currency, or what shows nothing: a colour, a language."""
    if _CONDITION.fullmatch(inside):
        return [_Token("[", inside)]
    currency = _CURRENCY.match(inside)
    return [_Token('"', currency[1])] if currency else []


def _section(tokens: Sequence[_Token], stored: Decimal) -> list[_Token]:
    """The part of a format that holds for a number."""
    sections: list[list[_Token]] = [[]]
    for token in tokens:
        if token.kind == ";":
            sections.append([])
        else:
            sections[-1].append(token)
    if any(token.kind == "[" for section in sections for token in section):
        return next((each for each in sections[:3] if _holds(each, stored)), sections[-1])
    sections = sections[:3]
    if stored < 0 and len(sections) > 1:
        return sections[1]
    return sections[-1] if not stored and len(sections) > 2 else sections[0]  # noqa: PLR2004  above, below, at zero


def _holds(section: Sequence[_Token], stored: Decimal) -> bool:
    for token in section:
        if token.kind == "[" and (found := _CONDITION.fullmatch(token.text)):
            try:
                limit = Decimal(found[2])
            except ArithmeticError:
                return False
            less, equal, more = stored < limit, stored == limit, stored > limit
            return {"<": less, "<=": less or equal, "=": equal, ">": more, ">=": more or equal, "<>": not equal}[
                found[1]
            ]
    return True


def _halves(tokens: Sequence[_Token]) -> tuple[list[_Token], list[_Token]]:
    """What stands before the point, and from it on."""
    point = next((place for place, token in enumerate(tokens) if token.kind == "."), len(tokens))
    return list(tokens[:point]), list(tokens[point:])


def _thousands(tokens: Sequence[_Token]) -> int:
    """How often the number is divided by 1,000: commas behind the last digit of the whole part, or behind the point."""
    whole, part = _halves(tokens)
    places = [place for place, token in enumerate(whole) if token.kind in _PLACES]
    last = places[-1] if places else len(whole)
    return sum(token.kind == "," for token in whole[last:]) + sum(token.kind == "," for token in part)


def _rounding(tokens: Sequence[_Token]) -> Decimal:
    """Half of the last digit that is shown; General shows all that a spreadsheet keeps."""
    decimals = sum(token.kind in _PLACES for token in _halves(tokens)[1])
    general = any(token.kind == "G" for token in tokens)
    return Decimal(0) if general else Decimal("0.5").scaleb(-decimals)


def _rendered(tokens: Sequence[_Token], stored: Decimal) -> list[tuple[str, bool]]:
    """The pieces that are shown, each with whether it is a literal."""
    if any(token.kind == "G" for token in tokens):
        plain = f"{stored:f}"
        return [(plain, False) if each.kind == "G" else (each.text, True) for each in tokens if each.kind in 'G"%']
    whole, part = _halves(tokens)
    decimals = sum(token.kind in _PLACES for token in part)
    percent = sum(token.kind == "%" for token in tokens)
    scaled = _EXACT.scaleb(stored, 2 * percent - 3 * _thousands(tokens))
    digits, _, fraction = f"{_EXACT.quantize(scaled, Decimal(1).scaleb(-decimals)):f}".partition(".")
    return _whole(whole, digits.lstrip("0"), bare=decimals > 0) + _part(part, fraction)


def _whole(tokens: Sequence[_Token], digits: str, *, bare: bool) -> list[tuple[str, bool]]:
    """The whole part from the right; the first placeholder takes all digits that are left, a bare point them all."""
    left = sum(token.kind in _PLACES for token in tokens)
    pieces: list[tuple[str, bool]] = [(digits, False)] if bare and not left else []
    for token in reversed(tokens):
        if token.kind in _PLACES:
            left -= 1
            taken, digits = (digits[-1:], digits[:-1]) if left else (digits, "")
            pieces.append((taken or {"0": "0", "#": "", "?": " "}[token.kind], False))
        elif token.kind in '"%':
            pieces.append((token.text, True))
    return pieces[::-1]


def _part(tokens: Sequence[_Token], fraction: str) -> list[tuple[str, bool]]:
    pieces: list[tuple[str, bool]] = []
    for token in tokens:
        if token.kind in _PLACES:
            pieces.append((fraction[:1], False))
            fraction = fraction[1:]
        elif token.kind in '."%':
            pieces.append((token.text, token.kind != "."))
    return pieces


def _read(pieces: Sequence[tuple[str, bool]]) -> tuple[Decimal | None, bool]:
    """The number that a person reads, and whether a literal put digits or a point into it."""
    marks = [(letter, literal) for text, literal in pieces for letter in (_plain(text) if literal else text)]
    own = [place for place, (letter, literal) in enumerate(marks) if not literal and letter.isdigit()]
    if not own:
        return None, False
    first, last = own[0], own[-1]
    while first and _misleading(marks[first - 1][0]):
        first -= 1
    while last + 1 < len(marks) and marks[last + 1][0].isdigit():
        last += 1
    seen = [(letter, literal) for letter, literal in marks[first : last + 1] if _misleading(letter)]
    text = "".join(letter for letter, _ in seen)
    return (Decimal(f"0{text}") if text.count(".") <= 1 else None), any(literal for _, literal in seen)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_POINTS)


def _misleading(text: str) -> bool:
    """Whether a text holds what a person reads as a part of a number."""
    return any(letter in ".0123456789" for letter in _plain(text))
