"""Bids, opt-outs and disputes that come over HTTP, written with a login of their own."""

from datetime import datetime

import psycopg
from psycopg.conninfo import make_conninfo

from parkgrid_api.settings import WritingSettings
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.ledger import Act, write

NOT_AUTHENTICATED = "not authenticated: "
"""Stands before who is said to have done it: until people can sign in, nobody has shown it."""
_LONGEST_S = 10


def append(settings: WritingSettings, pilot: Pilot, act: Act, by: str, at: datetime) -> Entry:
    """Write one act; its entry. Raises what `parkgrid_vpp.ledger.write` does, and `psycopg.Error` without a session."""
    options = f"-c TimeZone=UTC -c statement_timeout={_LONGEST_S * 1000} -c lock_timeout={_LONGEST_S * 1000}"
    text = make_conninfo(
        settings.dsn,
        options=f"{options} -c role={settings.role}" if settings.role else options,
        application_name="parkgrid-api-writing",
        connect_timeout=5,
    )
    with psycopg.connect(text, autocommit=True) as connection:
        (entry,) = write(connection, pilot, [act], f"{NOT_AUTHENTICATED}{by}", at)
    return entry
