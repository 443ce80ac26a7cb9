"""Money in yuan: exact decimals, rounded to the cent only where a line is written."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    """An amount rounded to 0.01 CNY, half away from zero."""
    # Adding zero turns a negative zero into zero.
    return amount.quantize(CENT, ROUND_HALF_UP) + 0
