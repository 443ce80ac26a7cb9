"""What can go wrong in the pilot."""


class PilotError(Exception):
    """Something that was asked for cannot be done; the message says what and the remedy."""


class RefusedActError(PilotError):
    """An act that may not be written, with the reason and the remedy."""


class CannotBeAwardedError(PilotError):
    """An event whose rules make an award impossible for ever, with the reason: it is not tried again."""


class LedgerError(PilotError):
    """The stored ledger is not a chain: nothing is read from it and nothing is added."""
