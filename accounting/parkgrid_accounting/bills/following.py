"""After a round of metering: late data revise the closed months that they belong to."""

import structlog

from parkgrid_accounting.bills.closings import reopen_touched
from parkgrid_accounting.errors import AccountingError
from parkgrid_contract.settings import SettingsError
from parkgrid_contract.time import Clock, from_ms
from parkgrid_database.connection import Connection
from parkgrid_metering.errors import FollowError

_log = structlog.get_logger("accounting.following")


def follow_closings(connection: Connection, clock: Clock) -> None:
    """Revise every closed month whose intervals have changed. Raises `FollowError` for a bill that cannot be made."""
    try:
        for bill in reopen_touched(connection, from_ms(clock.now_ms()), clock):
            _log.info("bill_revised", account=bill.account, month=bill.month, total_cny=str(bill.total_cny))
    except (AccountingError, SettingsError) as error:
        raise FollowError(f"a closed month is not revised: {error}") from error
