"""The worked example of docs/your-own-data.md, in both languages: what stands there is run as it stands there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from parkgrid.cli import app

DOCS = Path(__file__).parents[2] / "docs"


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("name", ["your-own-data.md", "your-own-data.zh.md"])
def test_the_example_gives_the_bill_that_it_names(name: str, dsn: str, tmp_path: Path, monkeypatch) -> None:
    text = (DOCS / name).read_text("utf-8")
    subprocess.run([sys.executable, "-c", blocks(text, "python")[0]], cwd=tmp_path, check=True)
    mapping = next(block for block in blocks(text, "toml") if "[time]" in block)
    (tmp_path / "plant" / "mapping.toml").write_text(mapping, "utf-8")
    monkeypatch.chdir(tmp_path)
    lines = [line for block in blocks(text, "sh") for line in block.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("parkgrid ") and " show --data" not in line]
    assert [words[0] for words in commands] == ["import", "bill", "bill", "bill"]
    output = ""
    for words in commands:
        # The test's own database instead of a folder.
        kept = words[: words.index("--data-dir")] if "--data-dir" in words else words
        found = CliRunner().invoke(app, kept, env={"PARKGRID_DSN": dsn, "NO_COLOR": "1"})
        assert found.exit_code == 0, found.output
        output = found.output
    # 24,800 x 0.228 + 27,900 x 0.60 + 21,700 x 1.02 + funds on 74,400 kWh + 100 kW x 32
    assert "49,749.76" in output
    assert "49,749.76" in text


def test_both_languages_show_the_same_code() -> None:
    english, chinese = ((DOCS / name).read_text("utf-8") for name in ("your-own-data.md", "your-own-data.zh.md"))
    assert [blocks(english, each) for each in ("python", "toml")] == [
        blocks(chinese, each) for each in ("python", "toml")
    ]
