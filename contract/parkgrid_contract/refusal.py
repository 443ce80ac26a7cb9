"""Why something was not accepted: one reason code for each kind, used at the edge, by ingest and on the page."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """The reason for a refusal; the value is stored, counted and shown."""

    TOO_LARGE = "too_large"
    NOT_TEXT = "not_text"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    DUPLICATE_KEY = "duplicate_key"
    WRONG_SHAPE = "wrong_shape"
    WRONG_TOPIC = "wrong_topic"
    WRONG_IDENTITY = "wrong_identity"
    UNKNOWN_GATEWAY = "unknown_gateway"
    UNKNOWN_DEVICE = "unknown_device"
    UNKNOWN_CLASS = "unknown_class"
    UNKNOWN_SIGNAL = "unknown_signal"
    UNKNOWN_QUALITY = "unknown_quality"
    NOT_A_NUMBER = "not_a_number"
    NOT_REPRESENTABLE = "not_representable"
    TIME_MISSING = "time_missing"
    TIME_TOO_OLD = "time_too_old"
    TIME_IN_FUTURE = "time_in_future"
    OUT_OF_BOUNDS = "out_of_bounds"
    EMPTY = "empty"
    TOO_MANY = "too_many"
    QUOTA = "quota"
    RETIRED = "retired"
    POISON = "poison"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused thing: the reason, where it stood, and the offending content (shortened)."""

    reason: Reason
    where: str
    content: str = ""

    def __str__(self) -> str:
        """A sentence for logs and command lines."""
        return f"{self.where}: {self.reason.value}" + (f" ({self.content})" if self.content else "")


class RefusedError(ValueError):
    """A whole message is refused; carries the `Refusal`."""

    def __init__(self, reason: Reason, where: str, content: object = "") -> None:
        self.refusal = Refusal(reason, where, shorten(content))
        super().__init__(str(self.refusal))


def written(content: object) -> str:
    """Anything as Python writes it, whatever its size."""
    try:
        return repr(content)
    except ValueError:
        # Python writes no whole number of more than 4,300 digits.
        return "a number with thousands of digits"


def shorten(content: object, limit: int = 200) -> str:
    """At most `limit` characters of anything, safe to log: no control characters."""
    text = content if isinstance(content, str) else written(content)
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:limit])
    return text if len(text) < limit else text[: limit - 1] + "…"
