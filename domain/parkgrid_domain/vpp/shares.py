"""An amount of money divided by shares so that the parts sum to it exactly.

    10,000.01 yuan to three equal shares ─▶ 3,333.33 each, 0.02 left ─▶ 3,333.34 + 3,333.34 + 3,333.33

Each part is rounded down to the cent; the cents that are left go one by one to the largest remainders, and among equal
remainders to the smaller identifier (largest remainder method, Hamilton 1792).
"""

from collections.abc import Mapping
from decimal import Decimal
from math import lcm

from parkgrid_domain.money import CENT


class ShareError(ValueError):
    """Shares that nothing can be divided by."""


def divided(amount: Decimal, shares: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The part of each identifier, in yuan, in the order given.

    `amount` is a whole number of cents, of either sign; a share is at least 0, and their sum is more than 0. Raises
    `ShareError` otherwise.
    """
    numerator, denominator = amount.as_integer_ratio()
    cents, rest = divmod(numerator * 100, denominator)
    if rest:
        raise ShareError(f"{amount} yuan is not a whole number of cents: round the line before it is divided")
    for name, share in shares.items():
        if not share.is_finite() or share < 0:
            raise ShareError(f"the share of {name} is {share}: a share is a number of at least 0")
    weights = _whole(shares)
    total = sum(weights.values())
    if total == 0:
        raise ShareError(f"the shares of {', '.join(shares) or 'nobody'} are all 0: give at least one of them a share")
    parts = {name: divmod(abs(cents) * weight, total) for name, weight in weights.items()}
    left = abs(cents) - sum(part for part, _ in parts.values())
    more = set(sorted(parts, key=lambda name: (-parts[name][1], name))[:left])
    sign = -1 if cents < 0 else 1
    return {name: sign * (part + (name in more)) * CENT for name, (part, _) in parts.items()}


def _whole(shares: Mapping[str, Decimal]) -> dict[str, int]:
    """Whole numbers in the same ratio as the shares, exactly."""
    ratios = {name: share.as_integer_ratio() for name, share in shares.items()}
    common = lcm(*(denominator for _, denominator in ratios.values()))
    return {name: numerator * (common // denominator) for name, (numerator, denominator) in ratios.items()}
