"""What can go wrong in metering beside the store's own errors."""


class MeteringError(Exception):
    """Metering cannot do what was asked; the message names the value and the remedy."""


class FollowError(MeteringError):
    """What is to be done after a round could not be done; the intervals of the round stand."""


class DeclarationError(MeteringError):
    """A declaration about a register is not possible as it stands."""
