r"""Line protocol, written by hand: a tenth of the time of the client's `Point` objects.

    measurement,tag=value,tag=value field=1.5,field=2i 1760000400000

In measurements a comma and a space are escaped, in tags and field names an equals sign too (InfluxDB 2, "Line
protocol", special characters). Timestamps are milliseconds.
"""

from collections.abc import Mapping, Sequence

_MEASUREMENT = str.maketrans({",": r"\,", " ": r"\ ", "\n": " "})
_KEY = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\=", "\n": " "})


def head(measurement: str, tags: Mapping[str, str]) -> str:
    """The part of a line before its fields; a tag without a value is left out, and tags stand in their order."""
    named = "".join(f",{key(name)}={key(value)}" for name, value in sorted(tags.items()) if value)
    return measurement.translate(_MEASUREMENT) + named


def key(text: str) -> str:
    """A tag or a field name. A backslash at its end would swallow what follows, so a space is put behind it."""
    return text.translate(_KEY) + (r"\ " if text.endswith("\\") else "")


def line(start: str, names: Sequence[str], values: Sequence[float | None], at_ms: int) -> str | None:
    """One line of the fields that have a value; None when none has."""
    fields = ",".join(
        [f"{name}={value!r}" for name, value in zip(names, values, strict=True) if value is not None],
    )
    return f"{start} {fields} {at_ms}" if fields else None
