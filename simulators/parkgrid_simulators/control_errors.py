"""What the controls of a running park refuse, each with key, value and remedy."""

from difflib import get_close_matches

Problem = tuple[str, object, str]
"""Key, value and remedy."""


class ControlError(ValueError):
    """What was asked for is not possible; the message names key, value and remedy of each problem."""

    def __init__(self, key: str, value: object, remedy: str, *others: Problem) -> None:
        self.problems: tuple[Problem, ...] = ((key, value, remedy), *others)
        super().__init__("; ".join(f"{key} = {shown(value)}: {remedy}" for key, value, remedy in self.problems))


class UnknownNameError(ControlError):
    """There is no device, fault or kind of that name; the message lists those there are."""


class BusyError(ControlError):
    """Something is under way that has to end first."""


def shown(value: object) -> str:
    """A value as Python writes it, whatever its size."""
    try:
        return f"{value!r:.200}"
    except ValueError:
        return "a number with thousands of digits"


def there_are(name: object, known: list[str]) -> str:
    """A remedy for a name that is not known."""
    near = get_close_matches(name, known, 1) if isinstance(name, str) else []
    hint = f"did you mean {near[0]}? " if near else ""
    return f"is unknown; {hint}there are: {', '.join(known)}"


def within(key: str, value: object, low: float, high: float, unit: str) -> None:
    """Refuse what is not a number between two bounds. Raises `ControlError`."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:  # type: ignore[operator]
        raise ControlError(key, value, f"must be a number between {low:g} and {high:g} {unit}".rstrip())
