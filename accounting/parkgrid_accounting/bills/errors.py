"""What can be wrong with a question about tariffs, supply or bills; each message carries the value and the remedy."""

from parkgrid_accounting.errors import AccountingError


class BillError(AccountingError):
    """The bill, agreement or closing that was asked for cannot be had; nothing was changed."""
