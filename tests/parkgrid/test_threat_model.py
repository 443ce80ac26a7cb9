"""docs/threat-model.md: every claim names a test, and every test that it names is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["threat-model.md", "threat-model.zh.md"])
def test_every_claim_names_tests_that_exist(name: str) -> None:
    text = (ROOT / "docs" / name).read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) > 20
    for file, test in named:
        assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE), f"{file}::{test}"
    claims = [line for line in text.splitlines() if line.startswith("|") and line.count("|") == 3]
    assert all("::" in line for line in claims if not re.match(r"\| (claim|结论) \||\|-", line))


def test_both_languages_name_the_same_tests() -> None:
    found = [
        sorted(re.findall(r"`(tests/[\w/.]+::\w+)`", (ROOT / "docs" / name).read_text("utf-8")))
        for name in ("threat-model.md", "threat-model.zh.md")
    ]
    assert found[0] == found[1]
