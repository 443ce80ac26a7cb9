"""What can go wrong in accounting beside the store's own errors."""


class AccountingError(Exception):
    """Accounting cannot do what was asked; the message names the value and the remedy."""
