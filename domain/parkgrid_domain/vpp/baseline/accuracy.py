"""How far a baseline lies from what was metered, on days without an event: MAE, NMBE and RRMSE."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Errors of a baseline over quarter hours without an event."""

    mae_kw: float
    """Mean absolute error."""
    bias_pct: float
    """NMBE, `sum(b - a) / sum(a)`: positive where the baseline is too high, which pays for nothing."""
    rrmse_pct: float
    """`sqrt(mean((b - a)^2)) / mean(a)`, also CV(RMSE)."""
    quarters: int


def accuracy(baseline_wh: Sequence[int], metered_wh: Sequence[int]) -> Accuracy | None:
    """The errors, or None where nothing was drawn in all, so that nothing can be divided by it."""
    total = sum(metered_wh)
    if not metered_wh or total <= 0:
        return None
    errors = [base - metered for base, metered in zip(baseline_wh, metered_wh, strict=True)]
    count = len(errors)
    mean = total / count
    return Accuracy(
        mae_kw=sum(map(abs, errors)) / count * 4 / 1_000,
        bias_pct=100 * sum(errors) / total,
        rrmse_pct=100 * sqrt(sum(error**2 for error in errors) / count) / mean,
        quarters=count,
    )
