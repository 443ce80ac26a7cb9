"""The shape that every answer has, and that of a refusal."""

from pydantic import with_config
from typing_extensions import TypedDict

Values = dict[str, float]
Series = list[float | None]


@with_config(extra="forbid", use_attribute_docstrings=True)
class Shape(TypedDict):
    """A closed object: a key that is not described is a mistake."""


class MistakeShape(Shape):
    """One thing wrong with a request."""

    field: str
    value: str
    remedy: str


class ProblemShape(Shape):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    problems: list[MistakeShape]


class ParkPeriod(Shape):
    """A park, and a period in its own time."""

    park: str
    period: str
    from_ms: int
    to_ms: int
    as_of_ms: int
