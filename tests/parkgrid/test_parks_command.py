"""`parkgrid parks`: a person says where a park lies, and is told when the park or the place does not exist."""

import psycopg
from typer.testing import CliRunner

from parkgrid.cli import app


def run(*arguments: str):
    return CliRunner().invoke(app, ["parks", *arguments])


def test_a_park_is_placed_and_listed(dsn):
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO base.park (park) VALUES ('gaoxin-nan'), ('elsewhere')")
    placed = run("place", "gaoxin-nan", "--latitude", "22.69", "--longitude", "114.35", "--dsn", dsn)
    assert (placed.exit_code, placed.output) == (0, "gaoxin-nan: 22.69 °N, 114.35 °E\n")
    assert run("list", "--dsn", dsn).output.splitlines() == [
        "elsewhere  Asia/Shanghai  no coordinates",
        "gaoxin-nan  Asia/Shanghai  22.69 °N, 114.35 °E",
    ]


def test_a_place_that_is_none_and_a_park_that_nobody_knows_are_refused(dsn):
    unknown = run("place", "gaoxin", "--latitude", "22.69", "--longitude", "114.35", "--dsn", dsn)
    assert unknown.exit_code == 1
    assert "no park 'gaoxin'" in unknown.output
    assert "parkgrid parks list" in unknown.output
    impossible = run("place", "gaoxin", "--latitude", "114.35", "--longitude", "22.69", "--dsn", dsn)
    assert impossible.exit_code == 2
    assert "90" in impossible.output
