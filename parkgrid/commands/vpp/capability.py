"""`parkgrid vpp capability` and `forecast`: what can be adjusted in the next 24 hours, and how good that is known."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkgrid.commands import outcome
from parkgrid.commands.vpp.session import AsJson, By, Dsn, run, show, written

if TYPE_CHECKING:
    from parkgrid_database.connection import Connection
    from parkgrid_domain.vpp.capability.outlook import Outlook
    from parkgrid_domain.vpp.documents import CapabilityTest
    from parkgrid_domain.vpp.pilot import Pilot

_MOST_KW = 100_000_000
_HOUR = 4
"""Quarter hours."""
At = Annotated[
    str | None,
    typer.Option("--at", help="Instant with its offset, for example 2026-07-01T14:00+08:00.  [default: now]"),
]
Hold = Annotated[int, typer.Option(min=15, max=1440, help="How long it was to be held: whole quarter hours.")]


def capability(
    dsn: Dsn,
    of: Annotated[str, typer.Argument(help="A resource, a transformer or a park; left out: everything.")] = "",
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Show what can be adjusted in each of the next 24 hours: up (less drawn) and down (more), and what limits it.

    It is what the plan and accepted events leave over: a load can fall by what it is forecast to draw, a storage gives
    what it holds within its window, less what is promised. With `--json`, each quarter hour.

    For example:

        parkgrid vpp capability

        parkgrid vpp capability storage-1 --json
    """
    now = outcome.instant(at) or datetime.now(UTC)

    def action(connection: "Connection", pilot: "Pilot") -> None:
        from parkgrid_vpp.capability import capability as computed
        from parkgrid_vpp.errors import PilotError

        found = computed(connection, pilot, now)
        places = {"": found.pool, **found.parks, **found.transformers}
        one = found.resources.get(of)
        outlook = one.outlook if one else places.get(of)
        if outlook is None:
            known = ", ".join([*found.resources, *filter(None, places)][:20]) or "none"
            raise PilotError(f"{of!r} is no active resource, transformer or park; there are: {known}")
        told: dict[str, Any] = {"of": of or "pool", "start": found.start.isoformat(), "quarters": _quarters(outlook)}
        lines = _lines(outlook)
        if one:
            told |= {"ramp_kw_per_min": one.ramp_kw_per_min, "notice_min": one.notice_min}
            told |= {"recovery_min": one.recovery_min, "confidence_pct": one.confidence_pct}
            method = one.forecast and {"method": one.forecast.method, "issued_at": one.forecast.issued_at.isoformat()}
            told |= {"forecast": method}
            lines.append(f"confidence {'not known' if one.confidence_pct is None else f'{one.confidence_pct:.0f} %'}")
        show(told, [f"{of or 'pool'} from {found.start:%Y-%m-%d %H:%MZ}", *lines], as_json=as_json)

    run(dsn, action)


def forecast(
    dsn: Dsn,
    issue: Annotated[bool, typer.Option("--issue", help="First issue the forecasts that are due.")] = False,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Show how the forecasts of each park did over the last seven days. The pilot's process issues them every 6 hours.

    The method is seasonal-naive: each quarter hour as on the last like day (workday, weekend, holiday).

    For example:

        parkgrid vpp forecast --issue
    """
    now = outcome.instant(at) or datetime.now(UTC)

    def action(connection: "Connection", pilot: "Pilot") -> None:
        from parkgrid_vpp.forecast import issue as issued
        from parkgrid_vpp.forecast import scores

        count = issued(connection, pilot, now) if issue else 0
        told, lines = [], [f"{count} forecasts issued"] if issue else []
        for each in scores(connection, pilot, now):
            score, known = each.score, each.score.quarters > 0
            mae_kw, bias_kw = score.mae_w / 1000, score.bias_w / 1000
            numbers = {"mae_kw": mae_kw, "bias_kw": bias_kw} if known else {}
            told.append(
                {"park": each.park, "method": each.method, "quarters": score.quarters, **numbers}
                | {"confidence_pct": score.confidence_pct}
            )
            errors = (
                f"MAE {score.mae_w / 1000:.1f} kW, bias {score.bias_w / 1000:+.1f} kW" if known else "not scored yet"
            )
            lines.append(f"{each.park}  {each.method}  {errors}, {score.quarters} quarter hours")
        show({"issued": count, "parks": told}, lines or ["no forecasts"], as_json=as_json)

    run(dsn, action)


def _quarters(outlook: "Outlook") -> list[dict[str, Any]]:
    return [
        {
            f"{name}_{what}": value
            for name, side in (("up", outlook.up), ("down", outlook.down))
            for what, value in (
                ("kw", round(float(side.kw[slot]), 3)),
                ("minutes", round(float(side.minutes[slot]))),
                ("limit", side.limit_at(slot)),
            )
        }
        for slot in range(len(outlook.planned_kw))
    ]


def _lines(outlook: "Outlook") -> list[str]:
    """The first quarter hour of each hour."""
    return [
        f"+{slot // _HOUR:2} h  up {outlook.up.kw[slot]:10.1f} kW ({outlook.up.limit_at(slot)})"
        f"  down {outlook.down.kw[slot]:10.1f} kW ({outlook.down.limit_at(slot)})"
        for slot in range(0, len(outlook.planned_kw), _HOUR)
    ]


def judge_step(
    resource: Annotated[str, typer.Argument(help="A registered resource.")],
    dsn: Dsn,
    by: By,
    start: Annotated[str, typer.Option("--from", help="When the step began, for example 2026-07-01T14:00+08:00.")],
    step_kw: Annotated[float, typer.Option(help="The agreed step in kW; negative: less is to be drawn.")],
    hold_min: Annotated[
        int, typer.Option(min=15, max=1440, help="How long it was to be held: whole quarter hours.")
    ] = 60,
    dry: Annotated[bool, typer.Option("--dry-run", help="Judge the step and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Judge an agreed step that the site carried out by itself, and write the report with its 1-minute readings.

    Told are the first response, the time to 90 % of the step, the mean and the accuracy of each quarter hour of the
    hold (1 - |actual - agreed| / agreed), and how the site comes back. Every minute from a quarter hour
    before the step to the end of the hold must have been read.

    For example:

        parkgrid vpp test load-1 --from 2026-07-01T14:00+08:00 --step-kw -400 --hold-min 60 --by "Li Wei"
    """
    began = outcome.instant(start)
    if began is None or not abs(step_kw) <= _MOST_KW:
        outcome.refuse(f"{step_kw} kW is not a step: at most {_MOST_KW:,} kW")

    def action(connection: "Connection", pilot: "Pilot") -> None:
        from parkgrid_domain.vpp.forms import told
        from parkgrid_vpp.ledger import Act
        from parkgrid_vpp.step_report import judged_step

        found = judged_step(connection, pilot, resource, began, round(step_kw * 1000), hold_min)
        entries = [] if dry else written(connection, pilot, [Act(resource, found)], by)
        report = told(found) | {"entry": entries[0].number if entries else None}
        lines = [f"entry {each.number}: test {resource}" for each in entries]
        show(report, [*_report(found), *lines], as_json=as_json)

    run(dsn, action)


def _report(found: "CapabilityTest") -> list[str]:
    def after(minutes: int | None) -> str:
        return "never" if minutes is None else f"after {minutes} min"

    quarters = ", ".join(f"{each.mean_w / 1000:.1f} kW ({float(each.accuracy):.4f})" for each in found.quarters)
    back = "not read" if found.rebound_w is None else f"{found.rebound_w / 1000:.1f} kW"
    return [
        f"before {found.before_w / 1000:.1f} kW, step {found.step_w / 1000:+.1f} kW for {found.hold_min} min",
        f"first response {after(found.first_response_min)}, 90 % {after(found.reached_min)}",
        f"quarter hours (accuracy): {quarters}",
        f"rebound {back}",
    ]
