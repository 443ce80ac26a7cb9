"""What can go wrong in the pilot."""


class PilotError(Exception):
    """Something that was asked for cannot be done; the message says what and the remedy."""


class RefusedActError(PilotError):
    """An act that may not be written, with the reason and the remedy."""


class CannotBeAwardedError(PilotError):
    """An event whose rules make an award impossible for ever, with the reason: it is not tried again."""


class LedgerError(PilotError):
    """The stored ledger is not a chain: nothing is read from it and nothing is added."""


class ClosedLedgerError(PilotError):
    """The ledger takes no entry: it lacks what was issued, or nobody compared it after a restore. Reading goes on."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(f"{en}\n{zh}")
        self.en, self.zh = en, zh


class IssuedError(PilotError):
    """The file of issued digests cannot be used, with the remedy."""


class ReadBackError(PilotError):
    """What was given cannot be read back, with the reason; nothing was written."""
