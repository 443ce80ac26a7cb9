"""`parkgrid clusters` as people type it: template, import, report; refusals in words, with an exit status."""

from pathlib import Path

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from parkgrid.cli import app
from tests.accounting.clusters_feed import quarter_rows, workbook

RUN = CliRunner()


def run(*arguments: object):
    return RUN.invoke(app, ["clusters", *map(str, arguments)])


def test_from_the_template_to_the_report(dsn: str, tmp_path: Path) -> None:
    template, filled, report = (tmp_path / name for name in ("t.xlsx", "f.xlsx", "r.xlsx"))
    assert run("template", template).exit_code == 0
    book = load_workbook(template)
    for row in quarter_rows():
        book["季度产值 Output"].append(row)
    book.save(filled)
    dry = run("import", filled, "--dsn", dsn, "--by", "李伟", "--dry-run", "--lang", "en")
    assert (dry.exit_code, dry.stdout) == (
        0,
        "9 entries: 9 new, 0 revised, 0 unchanged (dry run, nothing was written)\n",
    )
    done = run("import", filled, "--dsn", dsn, "--by", "李伟")
    assert (done.exit_code, done.stdout) == (0, "共 9 条：新增 9，修订 0，未变 0\n")
    again = run("import", filled, "--dsn", dsn, "--by", "王芳", "--lang", "en")
    assert again.stdout.startswith("this file was imported before (f.xlsx, 李伟, ")
    made = run("report", "2024-Q2", "--out", report, "--dsn", dsn)
    assert (made.exit_code, made.stdout.replace("\n", "")) == (0, str(report))
    assert load_workbook(report)["监督表"]["D4"].value == 850.3


@pytest.mark.parametrize(
    ("language", "line", "end"),
    [
        ("zh", "D3: -1 为负数：产值不能小于 0", "1 处错误，整个文件未导入"),
        ("en", "D3: -1 is negative: output cannot be below 0", "1 mistakes, nothing was imported"),
    ],
)
def test_a_wrong_file_ends_with_its_cells(dsn: str, tmp_path: Path, language: str, line: str, end: str) -> None:
    rows = quarter_rows()
    rows[1][3] = "-1"
    refused = run("import", workbook(tmp_path / "f.xlsx", rows), "--dsn", dsn, "--lang", language)
    assert (refused.exit_code, refused.stdout) == (1, line + "\n")
    assert end in refused.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["template", "t.pdf"], "not a template format"),
        (["import", "missing.csv", "--dsn", "x"], "无法读取"),
        (["report", "2024", "--out", "r.xlsx", "--dsn", "x"], "is not a quarter"),
        (["report", "2024-Q2", "--out", "r.docx", "--dsn", "x"], "不是可写的格式"),
        (["report", "2024-Q2", "--out", "r.pdf", "--dsn", "host=127.0.0.1 port=1"], "127.0.0.1"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(arguments: list[str], says: str) -> None:
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[-1].startswith("error: ") or "error: " in refused.stderr
    assert says in refused.stderr
    assert "Traceback" not in refused.output


def test_help_teaches_by_example() -> None:
    for name in ("template", "import", "report"):
        shown = run(name, "--help").output
        assert f"parkgrid clusters {name} " in shown
