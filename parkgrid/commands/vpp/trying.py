"""`parkgrid vpp eligibility`, `replay`: how good baselines were over a year, and what another pack would have paid."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from parkgrid.commands import outcome
from parkgrid.commands.vpp.calling import settlement_pack
from parkgrid.commands.vpp.session import AsJson, By, Dsn, run, show, written

if TYPE_CHECKING:
    from parkgrid_database.connection import Connection
    from parkgrid_domain.vpp.pilot import Pilot

PackName = Annotated[str, typer.Option(help="Settlement pack: one that ships, or a TOML file.")]
_CLASSES = ("day_ahead", "hour", "fast", "minute", "second")


def eligibility(
    dsn: Dsn,
    by: By,
    resources: Annotated[
        list[str] | None, typer.Argument(help="Registered resources.  [default: all that have a baseline]")
    ] = None,
    pack: PackName = "shenzhen-precise-2023",
    notice_class: Annotated[
        str, typer.Option("--class", help="Notice class, whose usual hours are tried.")
    ] = "day_ahead",
    to: Annotated[str | None, typer.Option(help="Last day of the year looked at.  [default: yesterday]")] = None,
    as_json: AsJson = False,
) -> None:
    """Find out whether the baselines of resources are good enough to pay by, and write it into the ledger.

    Every past day of a year is treated as if it had an event at the usual hours of the notice class. Errors within the
    limits of the pack pass. Without this, or a year after it, a load cannot be paid: it is "not_eligible".

    For example:

        parkgrid vpp eligibility load-1 --by "Li Wei"
    """
    if notice_class not in _CLASSES:
        outcome.refuse(f"{notice_class!r} is not a notice class: {', '.join(_CLASSES)}")
    last = _day(to)

    def action(connection: "Connection", pilot: "Pilot") -> None:
        from parkgrid_contract.time import SHANGHAI
        from parkgrid_domain.vpp.documents import Eligibility
        from parkgrid_vpp.trying import acts_of, loads

        names = list(loads(pilot, resources or ()))
        acts = acts_of(connection, pilot, names, settlement_pack(pack), notice_class, last, SHANGHAI)
        written(connection, pilot, acts, by)
        found = {each.subject: each.document for each in acts if isinstance(each.document, Eligibility)}
        told = {
            name: {"passes": each.passes, "days": each.days, "rrmse_pct": each.rrmse_pct, "why": each.why}
            for name, each in found.items()
        }
        lines = [
            f"{name}: {'passes' if each.passes else each.why} ({each.days} days, RRMSE {each.rrmse_pct} %,"
            f" bias {each.bias_pct} %, MAE {each.mae_kw} kW)"
            for name, each in found.items()
        ]
        show({"eligibility": told}, lines, as_json=as_json)

    run(dsn, action)


def replay(
    operator: Annotated[str, typer.Argument(help="A registered operator.")],
    dsn: Dsn,
    pack: PackName = "shenzhen-precise-2023",
    to: Annotated[str | None, typer.Option(help="Last day of the year of events.  [default: yesterday]")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what an operator would have been paid for a year of events under another pack. Nothing is written.

    Energies are those known now; loads take the baseline that the pack prescribes. For example:

        parkgrid vpp replay op-1 --pack sichuan-like-2023
    """
    last = _day(to)

    def action(connection: "Connection", pilot: "Pilot") -> None:
        from parkgrid_domain.vpp.baseline.rule import read_rule
        from parkgrid_vpp import trying
        from parkgrid_vpp.calling import baseline_text
        from parkgrid_vpp.errors import PilotError

        if operator not in pilot.operators:
            raise PilotError(f"{operator!r} is not an operator: one of {', '.join(pilot.operators) or 'none'}")
        rules = settlement_pack(pack)
        rule = read_rule(baseline_text(pilot, rules.baseline), f"{rules.baseline}.toml")
        found = trying.replay(connection, pilot, operator, rules, rule, last - timedelta(days=364), last)
        net = sum((each.net_cny for each in found), Decimal(0))
        told = [
            {"event": each.event, "award": each.award, "payment": each.payment_cny, "penalty": each.penalty_cny}
            for each in found
        ]
        lines = [f"{each.event}  {each.award}  {each.payment_cny} - {each.penalty_cny} yuan" for each in found]
        lines.append(f"模拟 / simulation: {len(found)} awards under {rules.pack_id}: {net} yuan")
        show({"pack": rules.pack_id, "awards": told, "net": net}, lines, as_json=as_json)

    run(dsn, action)


def _day(text: str | None) -> date:
    from parkgrid_contract.time import SHANGHAI

    if text is None:
        return datetime.now(SHANGHAI).date() - timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        outcome.refuse(f"{text!r} is not a day: write it like 2026-07-01")
