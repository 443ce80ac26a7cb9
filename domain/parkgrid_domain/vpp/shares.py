"""An amount of money divided by shares so that the parts sum to it exactly.

    10,000.01 yuan to three equal shares ─▶ 3,333.33 each, 0.02 left ─▶ 3,333.34 + 3,333.34 + 3,333.33

Each part is rounded down to the cent; the cents that are left go one by one to the largest remainders, and among equal
remainders to the smaller identifier (largest remainder method, Hamilton 1792).
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from parkgrid_domain.money import CENT


class ShareError(ValueError):
    """Shares that nothing can be divided by."""


def divided(amount: Decimal, shares: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The part of each identifier, in yuan, in the order given.

    `amount` is a whole number of cents, of either sign; a share is at least 0, and their sum is more than 0. Raises
    `ShareError` otherwise.
    """
    cents = Fraction(amount) * 100
    if cents.denominator != 1:
        raise ShareError(f"{amount} yuan is not a whole number of cents: round the line before it is divided")
    wrong = {name: share for name, share in shares.items() if not share.is_finite() or share < 0}
    if wrong:
        name, share = next(iter(wrong.items()))
        raise ShareError(f"the share of {name} is {share}: a share is a number of at least 0")
    total = sum(map(Fraction, shares.values()), Fraction(0))
    if total == 0:
        raise ShareError(f"the shares of {', '.join(shares) or 'nobody'} are all 0: give at least one of them a share")
    if cents == 0:
        return dict.fromkeys(shares, 0 * CENT)
    sign = -1 if cents < 0 else 1
    exact = {name: abs(cents) * Fraction(share) / total for name, share in shares.items()}
    whole = {name: part.numerator // part.denominator for name, part in exact.items()}
    left = int(abs(cents)) - sum(whole.values())
    for name in sorted(exact, key=lambda name: (whole[name] - exact[name], name))[:left]:
        whole[name] += 1
    return {name: sign * whole[name] * CENT for name in shares}
