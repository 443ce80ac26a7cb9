"""The words of the dashboards: one catalogue, words.toml, with every text in every language side by side."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

from parkgrid_contract import strict_toml

LANGUAGES = ("en", "zh")
TITLES = MappingProxyType({"en": "parkgrid", "zh": "parkgrid · 园区能源"})
"""The folder that the dashboards of a language lie in."""


class WordError(KeyError):
    """A text is missing from the catalogue."""

    def __str__(self) -> str:
        """The sentence itself."""
        return str(self.args[0])


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Every key with its text in each language."""
    text = resources.files("parkgrid_dashboards").joinpath("words.toml").read_text("utf-8")
    return MappingProxyType(
        {key: dict(zip(LANGUAGES, pair, strict=True)) for key, pair in strict_toml.loads(text).items()}
    )


class Words:
    """The texts of one language; notes which of them are used."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.used: set[str] = set()

    def __call__(self, key: str) -> str:
        """The text of a key. Raises `WordError`."""
        self.used.add(key)
        try:
            return catalogue()[key][self.language]
        except KeyError:
            raise WordError(f"parkgrid_dashboards/words.toml has no {key!r} in {self.language}: add it") from None

    def about(self, key: str) -> str:
        """What a panel says about itself: the question that it answers."""
        return self(f"{key}_about")
