"""What columns of the pilot's boards say in codes: states, verdicts, limits and the like, each with word and colour."""

from collections.abc import Iterable, Mapping

from parkgrid_dashboards import colours
from parkgrid_domain.vpp.capability.outlook import LIMITS

States = Mapping[str, tuple[str, str]]
_VERDICTS = {
    "unverified": colours.GRID,
    "not_delivered": colours.ALARM,
    "partial": colours.PV,
    "delivered": colours.STORAGE,
}
"""In the order of the codes of pictures, from 1."""


def _told(prefix: str, names: Iterable[str], colour: str = colours.CALM) -> States:
    return {name: (f"vpp_{prefix}_{name}", colour) for name in names}


VERDICTS: States = {name: (f"vpp_{name}", colour) for name, colour in _VERDICTS.items()}
VERDICT_CODES: States = {str(code): told for code, told in enumerate(VERDICTS.values(), 1)}
DIRECTIONS: States = {"shave": ("vpp_shave", colours.CALM), "fill": ("vpp_fill", colours.CALM)}
STATES: States = {
    **_told("state", ("published", "awarded", "notified")),
    **_told("state", ("ramping", "active", "ending"), colours.LOAD),
    **_told("state", ("ended", "baseline_computed", "evaluated")),
    **_told("state", ("settled", "closed"), colours.STORAGE),
    **_told("state", ("disputed",), colours.ALARM),
    **_told("state", ("cancelled", "superseded"), colours.GRID),
}
KINDS = _told("kind", ("storage", "v2g", "charger_pool", "interruptible", "shiftable", "pv_curtailment", "pedf"))
PARTS = _told("part", ("all", "park", "transformer"))
LIMITED: States = _told("limit", LIMITS)
_LIMIT_INK = {"notice": colours.PV, "recovery": colours.PV, "transformer": colours.LOAD, "unknown": colours.GRID}
LIMIT_CODES: States = {
    str(code): (f"vpp_limit_{limit}", _LIMIT_INK.get(limit, colours.STORAGE)) for code, limit in enumerate(LIMITS, 1)
}
UNSURE = _told("unsure", ("missing", "estimated", "finding", "by_power", "no_baseline", "not_eligible"))
OUTCOMES: States = {
    "counts": ("vpp_outcome_counts", colours.STORAGE),
    **_told("outcome", ("not_picked", "other_kind", "event_day", "too_low", "too_high", "not_needed")),
    "not_read": ("vpp_outcome_not_read", colours.ALARM),
}
ENTRIES = _told(
    "entry",
    ("event", "state", "bid", "opt_out", "award", "frozen", "adjusted", "statement", "dispute"),
)
SOUND: States = {"yes": ("vpp_sound_yes", colours.STORAGE), "no": ("vpp_sound_no", colours.ALARM)}
YES_NO: States = {"yes": ("yes", colours.CALM), "no": ("no", colours.CALM)}
METHODS: States = {"seasonal_naive": ("vpp_method_seasonal_naive", colours.CALM)}
