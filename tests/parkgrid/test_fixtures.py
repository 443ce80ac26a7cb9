"""The shared fixtures give what they promise."""

import psycopg

from parkgrid_contract.broker_probe import answers


def test_an_empty_database_is_empty_and_its_own(empty_dsn):
    with psycopg.connect(empty_dsn) as connection:
        count = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert count == (0,)


def test_the_broker_answers(broker):
    assert answers(broker.host, broker.port)
