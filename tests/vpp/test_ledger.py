"""The stored ledger: nothing is changed, two writers keep one chain, what is refused leaves no trace."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from parkgrid_database.errors import StoreError
from parkgrid_domain.vpp.documents import Operator
from parkgrid_domain.vpp.forms import DocumentError
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.awarding import read_given
from parkgrid_vpp.errors import LedgerError, RefusedActError
from parkgrid_vpp.ledger import Act, follow, write
from tests.vpp.small_pilot import before_the_event, bid

NOW = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)


@pytest.fixture
def connection(dsn: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with psycopg.connect(dsn, autocommit=True) as opened:
        yield opened


def acts() -> list[Act]:
    return [Act(subject, document) for subject, document in before_the_event()]


def test_what_is_written_is_followed(connection: psycopg.Connection) -> None:
    writer, reader = Pilot(), Pilot()
    entries = write(connection, writer, acts(), "the bureau", NOW)
    assert follow(connection, reader) == len(entries)
    assert reader.head == writer.head == entries[-1]
    assert reader.events["ev-1"].bids["op-1"].bid == bid()
    assert follow(connection, reader) == 0


def test_a_refused_act_leaves_nothing(connection: psycopg.Connection) -> None:
    pilot = Pilot()
    with pytest.raises(RefusedActError, match="not published"):
        write(connection, pilot, [Act("op-1", Operator("一", "One")), Act("ev-9", bid())], "somebody", NOW)
    assert pilot.head is None
    assert pilot.operators == {}
    assert connection.execute("SELECT count(*) FROM base.vpp_entry").fetchone() == (0,)
    assert write(connection, pilot, [Act("op-1", Operator("一", "One"))], "somebody", NOW)[0].number == 1


def test_somebody_has_done_it(connection: psycopg.Connection) -> None:
    for by in ("", "  ", "x" * 201):
        with pytest.raises(RefusedActError, match="who does it"):
            write(connection, Pilot(), [Act("op-1", Operator("一", "One"))], by, NOW)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE base.vpp_entry SET by = 'x'", "DELETE FROM base.vpp_entry", "TRUNCATE base.vpp_entry"],
)
def test_an_entry_is_never_changed(connection: psycopg.Connection, statement: str) -> None:
    write(connection, Pilot(), [Act("op-1", Operator("一", "One"))], "somebody", NOW)
    with pytest.raises(psycopg.Error, match="append-only"):
        connection.execute(statement)


def test_an_altered_ledger_is_not_followed(connection: psycopg.Connection) -> None:
    pilot = Pilot()
    write(connection, pilot, acts(), "somebody", NOW)
    connection.execute("ALTER TABLE base.vpp_entry DISABLE TRIGGER append_only")
    connection.execute('UPDATE base.vpp_entry SET document = replace(document, \'"price":"3"\', \'"price":"4"\')')
    reader = Pilot()
    with pytest.raises(LedgerError, match="was altered"):
        follow(connection, reader)
    assert reader.head is None
    with pytest.raises(LedgerError):
        write(connection, reader, [Act("op-3", Operator("三", "Three"))], "somebody", NOW)


def test_writers_at_once_keep_one_chain(dsn: str) -> None:
    failures: list[BaseException] = []

    def many(name: str) -> None:
        try:
            with psycopg.connect(dsn, autocommit=True) as own:
                pilot = Pilot()
                for number in range(20):
                    write(own, pilot, [Act(f"{name}-{number}", Operator("一", "One"))], name, NOW)
        except BaseException as error:  # noqa: BLE001  (told by the assertion below)
            failures.append(error)

    threads = [threading.Thread(target=many, args=(f"op-{place}",)) for place in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []
    with psycopg.connect(dsn, autocommit=True) as own:
        pilot = Pilot()
        assert follow(own, pilot) == 60
        assert len(pilot.operators) == 60


def test_a_commit_that_fails_leaves_no_trace_in_the_pilot(connection: psycopg.Connection) -> None:
    """The deferred constraint speaks at the commit, after everything was taken in."""
    connection.execute(
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RAISE EXCEPTION ''no'' USING ERRCODE = ''disk_full''; END'"
    )
    connection.execute(
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON base.vpp_entry DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION public.refuse()"
    )
    pilot = Pilot()
    with pytest.raises(StoreError):
        write(connection, pilot, [Act("op-1", Operator("一", "One"))], "somebody", NOW)
    assert (pilot.head, pilot.operators) == (None, {})
    connection.execute("DROP TRIGGER late ON base.vpp_entry")
    assert write(connection, pilot, [Act("op-1", Operator("一", "One"))], "somebody", NOW)[0].number == 1


@pytest.mark.parametrize("text", ['{"price": "1", "awards": 5}', '{"price": "1", "awards": [5]}', "5", "[", "{}"])
def test_a_file_of_awards_that_is_none_is_refused_in_words(text: str) -> None:
    with pytest.raises(DocumentError):
        read_given(text)
