"""Who a reading belongs to: district / park / gateway / device, and the metering point behind it."""

import re
from dataclasses import dataclass

from parkgrid_contract.refusal import Reason, RefusedError

IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""Lower-case ASCII letters, digits, `-` and `_`; starts with a letter or digit; at most 63 characters."""


def identifier(text: object, where: str) -> str:
    """`text` if it is a valid identifier; otherwise `RefusedError` naming `where`."""
    if isinstance(text, str) and IDENTIFIER.fullmatch(text):
        return text
    raise RefusedError(Reason.WRONG_IDENTITY, where, text)


def identifier_problem(text: str) -> str | None:
    """What is wrong with an identifier, as a remedy; None when nothing is."""
    rule = "lower-case letters, digits, - and _; starts with a letter or digit; at most 63 characters"
    return None if IDENTIFIER.fullmatch(text) else f"must be an identifier: {rule}"


@dataclass(frozen=True, slots=True, order=True)
class Gateway:
    """The address of a gateway: its park and its own identifier."""

    park: str
    gateway: str

    def __str__(self) -> str:
        """`park/gateway`, as people write it."""
        return f"{self.park}/{self.gateway}"


@dataclass(frozen=True, slots=True)
class MeteringPoint:
    """Where a device is connected in the grid: station, line, transformer, account (站-线-变-户).

    Dispatch by transformer district (台区) selects on `transformer`; bills select on `account`.
    """

    station: str = ""
    line: str = ""
    transformer: str = ""
    account: str = ""


NO_POINT = MeteringPoint()
"""A device whose place in the grid has not been stated."""
