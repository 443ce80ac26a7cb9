"""What is looked at, and what is wrong with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in one line."""

    where: str
    """Dashboard and panel."""
    text: str

    def __str__(self) -> str:
        """The line."""
        return f"{self.where}: {' '.join(self.text.split())}"


@dataclass(frozen=True, slots=True)
class Document:
    """A dashboard as Grafana reads it."""

    name: str
    """File without its ending."""
    language: str
    content: Mapping[str, Any]

    @property
    def panels(self) -> list[Mapping[str, Any]]:
        """Its panels, those of collapsed rows too."""
        top = self.content.get("panels", [])
        return [panel for each in top for panel in (each, *each.get("panels", []))]

    @property
    def questions(self) -> Iterator["Question"]:
        """Every query of it: of panels, annotations and variables."""
        for panel in self.panels:
            for target in panel.get("targets", []):
                text = target.get("rawSql", "")
                yield Question(self.where(panel), text, target.get("format", ""), panel)
        for note in self.content.get("annotations", {}).get("list", []):
            text = note.get("target", {}).get("rawSql")
            if text:
                yield Question(f"{self.name}.{self.language}, annotation {note['name']!r}", text, "annotation")
        for variable in self.variables:
            if variable.get("type") == "query":
                yield Question(
                    f"{self.name}.{self.language}, variable {variable['name']!r}", str(variable["query"]), "variable"
                )

    @property
    def variables(self) -> list[Mapping[str, Any]]:
        """Its variables in order."""
        found: list[Mapping[str, Any]] = self.content.get("templating", {}).get("list", [])
        return found

    def where(self, panel: Mapping[str, Any]) -> str:
        """How a finding names a panel."""
        return f"{self.name}.{self.language}, panel {panel.get('id')} {panel.get('title', '')!r}"


@dataclass(frozen=True, slots=True)
class Question:
    """A query and what it is asked for."""

    where: str
    text: str
    form: str
    """table, time_series, annotation, variable or alert."""
    panel: Mapping[str, Any] | None = None
