"""JSON that refuses whatever could mean two things: doubled keys, NaN, byte order marks, bottomless nesting."""

import json
import re
import typing
from collections.abc import Mapping
from typing import Any, NoReturn, TypeGuard, TypeVar

from parkgrid_contract.refusal import Reason, RefusedError, shorten

_T = TypeVar("_T")
_MAX_DEPTH = 16
# Possessive, and an unended string goes to the end: one pass whatever the text.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_LARGEST = 1.7976931348623157e308


def dumps(document: object) -> bytes:
    """Compact UTF-8 JSON; NaN and infinities raise `ValueError`."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def loads(payload: bytes, where: str, max_bytes: int) -> Any:
    """The document in `payload`; size and depth are checked before decoding. Raises `RefusedError`."""
    if len(payload) > max_bytes:
        raise RefusedError(Reason.TOO_LARGE, where, f"{len(payload)} bytes, at most {max_bytes}")
    if not payload:
        raise RefusedError(Reason.EMPTY, where)
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(Reason.NOT_TEXT, where, payload[:64]) from error
    _check_depth(payload, where)
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except _DuplicateKeyError as error:
        raise RefusedError(Reason.DUPLICATE_KEY, where, error.args[0]) from error
    except _ConstantError as error:
        raise RefusedError(Reason.NOT_A_NUMBER, where, error.args[0]) from error
    except (ValueError, RecursionError) as error:
        raise RefusedError(Reason.NOT_JSON, where, f"{error}: {shorten(text, 80)}") from error


def field(document: Mapping[str, Any], name: str, kind: type[_T], where: str, default: _T | None = None) -> _T:
    """One member of an object with exactly the given type (a bool is no int). Raises `RefusedError`."""
    value = document.get(name, default)
    if type(value) is not kind:
        raise RefusedError(Reason.WRONG_SHAPE, f"{where}.{name}", value)
    return value


def number(document: Mapping[str, Any], name: str, where: str) -> float:
    """One finite number of an object. Raises `RefusedError`."""
    value = document.get(name)
    if not is_finite_number(value):
        raise RefusedError(Reason.NOT_A_NUMBER, f"{where}.{name}", value)
    return float(value)


def is_finite_number(value: object) -> TypeGuard[float]:
    """Whether a decoded value is a number that arithmetic can trust: no bool, no overflow to infinity, no giant int."""
    return type(value) in (int, float) and abs(typing.cast("float", value)) <= _LARGEST


class _DuplicateKeyError(ValueError):
    pass


class _ConstantError(ValueError):
    pass


def _constant(name: str) -> NoReturn:
    raise _ConstantError(name)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        raise _DuplicateKeyError(next(name for name in names if names.count(name) > 1))
    return document


def _check_depth(payload: bytes, where: str) -> None:
    """Refuse nesting beyond `_MAX_DEPTH` without recursing: brackets inside strings do not count."""
    if payload.count(b"[") + payload.count(b"{") <= _MAX_DEPTH:
        return
    depth = 0
    for byte in _STRING.sub(b"", payload).translate(None, _NO_BRACKET):
        if byte in b"[{":
            depth += 1
            if depth > _MAX_DEPTH:
                raise RefusedError(Reason.TOO_DEEP, where, f"more than {_MAX_DEPTH} levels")
        else:
            depth -= 1
