"""What the report of a period needs beside the ledger: names of the parks, scores of the forecasts."""

from datetime import datetime

from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_domain.period import Period
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.forecast import scores
from parkgrid_vpp.printed.period.telling import Facts
from parkgrid_vpp.statements import statement


def facts_of(connection: Connection, pilot: Pilot, period: Period, now: datetime) -> Facts:
    """The facts of a period, of its end or of now while it runs. Raises `StoreError`."""
    with translated():
        rows = connection.execute(statement("printed/park_names")).fetchall()
    parks = {park: (zh, en) for park, zh, en in rows}
    return Facts(now, parks, scores(connection, pilot, min(now, period.interval.end)))
