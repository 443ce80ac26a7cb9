"""The centre's key: only its owner reads it, and it is never written over."""

import stat
from pathlib import Path

import pytest

from parkgrid_vpp.centre_key import PRIVATE, PUBLIC, KeyFileError, create, load, load_or_create


def test_a_new_key_is_its_owners_alone(tmp_path: Path) -> None:
    key = create(tmp_path)
    assert stat.S_IMODE((tmp_path / PRIVATE).stat().st_mode) == 0o600
    assert (tmp_path / PUBLIC).read_text() == key.public.hex() + "\n"
    assert load(tmp_path) == load_or_create(tmp_path) == key
    assert key.seed.hex() not in repr(key)


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    key = create(tmp_path)
    with pytest.raises(KeyFileError, match="exists"):
        create(tmp_path)
    assert load(tmp_path) == key


@pytest.mark.parametrize(
    ("mode", "text", "message"), [(0o644, "0" * 64, "mode 644"), (0o600, "0" * 63, "hexadecimal"), (0o600, "ü", "read")]
)
def test_a_key_file_that_cannot_be_used(tmp_path: Path, mode: int, text: str, message: str) -> None:
    path = tmp_path / PRIVATE
    path.write_text(text, "utf-8")
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=message):
        load(tmp_path)


def test_a_missing_key_says_how_one_is_made(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="parkgrid vpp key"):
        load(tmp_path)
    assert load_or_create(tmp_path).public == load(tmp_path).public
