"""The shape that every answer has, and that of a refusal."""

from pydantic import BaseModel, ConfigDict

Values = dict[str, float]
Series = list[float | None]


class Shape(BaseModel):
    """A closed object: a key that is not described is a mistake."""

    model_config = ConfigDict(extra="forbid")


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
