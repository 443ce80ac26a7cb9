"""SQL files are found by room and name, and a name that is not there is a mistake at once."""

import pytest

from parkgrid_database.sql_files import named_statements, sql_text


def test_a_file_in_a_folder_is_found_by_its_path() -> None:
    assert "interval_energy" in sql_text("parkgrid_accounting", "intervals/rows")


def test_named_statements_are_without_their_headings_and_what_stands_before_them() -> None:
    found = named_statements("parkgrid_database", "migrate")
    assert {"recorded_kind", "note_migration"} <= found.keys()
    assert found["recorded_kind"].startswith("SELECT variant FROM base.schema_migration")
    assert not any("-- name:" in each for each in found.values())


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(FileNotFoundError):
        sql_text("parkgrid_accounting", "intervals/nothing")
    with pytest.raises(KeyError):
        named_statements("parkgrid_database", "migrate")["nothing"]
