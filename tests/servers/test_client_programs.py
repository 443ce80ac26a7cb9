"""Which pg_dump and pg_restore are used: none older than the server or the backup, the nearest of those that fit."""

from pathlib import Path

import pytest

from parkgrid_servers import client_programs, database
from parkgrid_servers.client_programs import ClientPrograms, ClientProgramsError, choose

P15, P17, P18 = (ClientPrograms(Path(f"/pg/{each}"), each) for each in ("15.18", "17.5", "18.6"))


def test_the_nearest_that_is_not_older() -> None:
    found = [P18, P15, P17]
    assert choose(found, "15.3") is P15
    assert choose(found, "16.1") is P17
    assert choose(found, "18.9") is P18
    assert choose(found, "15.3", written_by="16.0") is P17
    assert choose(found, "18.0", written_by="15.1") is P18


def test_of_two_of_one_version_the_first_is_taken() -> None:
    other = ClientPrograms(Path("/mine"), "18.1")
    assert choose([other, P18], "18.6") is other


def test_older_ones_are_refused_with_both_versions_and_the_remedy() -> None:
    with pytest.raises(ClientProgramsError) as caught:
        choose([P15, P17], "18.6")
    assert str(caught.value) == (
        "the server is PostgreSQL 18.6, but here is only pg_dump 15.18 in /pg/15.18, 17.5 in /pg/17.5:"
        " `apt install postgresql-client-18`, or put a pg_dump and pg_restore not older than 18 on PATH"
    )
    with pytest.raises(ClientProgramsError, match=r"PostgreSQL 15\.3, and the backup was written by pg_dump 17"):
        choose([P15], "15.3", written_by="17.5")
    with pytest.raises(ClientProgramsError, match="here is no pg_dump and pg_restore"):
        choose([], "15.3")


@pytest.mark.process
def test_those_of_this_machine_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    embedded = next(each for each in database.available() if each.kind == "embedded")
    found = client_programs.available()
    assert (embedded.folder, embedded.version) in {(each.folder, each.version) for each in found}
    # Whoever sets PATH has chosen; a folder with half of the programs, or with broken ones, is passed over.
    for name in ("pg_dump", "pg_restore"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 21beta1'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert client_programs.available()[0] == ClientPrograms(tmp_path, "21")
    (tmp_path / "pg_restore").unlink()
    assert tmp_path not in {each.folder for each in client_programs.available()}
