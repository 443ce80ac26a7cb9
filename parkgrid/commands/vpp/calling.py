"""`parkgrid vpp call`: publish an event."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from parkgrid.commands import outcome
from parkgrid.commands.vpp.session import AsJson, By, Dsn, run, tell, written

if TYPE_CHECKING:
    from parkgrid_database.connection import Connection
    from parkgrid_domain.vpp.pack import Pack
    from parkgrid_domain.vpp.pilot import Pilot

Local = str | None
_INSTANT = "local time, such as 2026-07-01T14:00"


def call(
    direction: Annotated[
        Literal["shave", "fill"], typer.Option(help="shave (削峰): draw less; fill (填谷): draw more.")
    ],
    target_kw: Annotated[str, typer.Option(help="What is wanted, in steps of 0.1 kW.")],
    dsn: Dsn,
    by: By,
    event: Annotated[
        str | None, typer.Option("--id", help="Identifier.  [default: from its begin, such as ev-20260701-1400]")
    ] = None,
    start: Annotated[
        Local, typer.Option("--from", help=f"Begin, {_INSTANT}.  [default: first quarter hour an hour from now]")
    ] = None,
    end: Annotated[Local, typer.Option("--to", help="End, in the same form.  [default: an hour later]")] = None,
    targets: Annotated[
        list[str] | None, typer.Option(help="A place in the grid; may be repeated.  [default: everywhere]")
    ] = None,
    pack: Annotated[
        str, typer.Option(help="Settlement pack: one that ships, or a TOML file.")
    ] = "shenzhen-precise-2023",
    setup: Annotated[
        Literal["pilot", "upstream"],
        typer.Option(help="pilot: operators bid; upstream: an award arrives from a platform above."),
    ] = "pilot",
    kind: Annotated[
        Literal["invitation", "direct"],
        typer.Option("--type", help="invitation (邀约), or direct control (直控), which is only recorded."),
    ] = "invitation",
    bids_until: Annotated[
        Local, typer.Option(help="Last instant for bids.  [default: half the time to its begin, or a day before it]")
    ] = None,
    opt_out_until: Annotated[
        Local,
        typer.Option(help="Last instant to opt out.  [default: three quarters of it, or 12 hours before its begin]"),
    ] = None,
    name_zh: Annotated[str | None, typer.Option(help="Name in Chinese.")] = None,
    name_en: Annotated[str | None, typer.Option(help="Name in English.")] = None,
    as_json: AsJson = False,
) -> None:
    """Publish an event: operators may bid until `--bids-until`, then `parkgrid vpp run` clears the bids.

    The texts of the pack, of the baselines of all resources under the targets, and of the holidays are stored in the
    ledger with the event, which names them by their digests. For example:

        parkgrid vpp call --direction shave --target-kw 600 --by "Li Wei"

        parkgrid vpp call --direction fill --target-kw 250 --from 2026-07-01T02:00 --to 2026-07-01T04:00
        --targets tr-1 --pack guangdong-2026 --by "Li Wei"
    """
    from parkgrid_vpp.calling import Call
    from parkgrid_vpp.calling import call as acts_of

    instants = [_local(text) for text in (start, end, bids_until, opt_out_until)]
    kw = decimal(target_kw, "--target-kw")

    def action(connection: "Connection", pilot: "Pilot") -> None:
        wanted = Call(
            *(event, direction, kw, instants[0], instants[1], tuple(targets or ()), settlement_pack(pack), setup, kind),
            *(name_zh, name_en, instants[2], instants[3]),
        )
        acts = acts_of(pilot, wanted, datetime.now(UTC))
        tell(written(connection, pilot, acts, by), as_json=as_json)

    run(dsn, action)


def decimal(text: str, option: str) -> Decimal:
    """A decimal number that a person wrote; anything else ends the command."""
    try:
        return Decimal(text)
    except InvalidOperation:
        outcome.refuse(f"{option} {text!r} is not a number, for example 3.5")


def _local(text: str | None) -> datetime | None:
    """An instant as a person writes it; without an offset it is Shenzhen's time."""
    from parkgrid_contract.time import SHANGHAI

    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        outcome.refuse(f"{text!r} is not an instant: write {_INSTANT}")
    return (found if found.tzinfo else found.replace(tzinfo=SHANGHAI)).astimezone(UTC)


def settlement_pack(name: str) -> "Pack":
    """A pack that ships, or that of a file. Raises `PilotError` for neither, `SettingsError` for mistakes in a file."""
    from parkgrid_domain.vpp.pack import published, read_pack
    from parkgrid_vpp.errors import PilotError

    shipped = published()
    if name in shipped:
        return shipped[name]
    if not Path(name).is_file():
        raise PilotError(f"{name!r} is no settlement pack and no file: one of {', '.join(shipped)}, or a TOML file")
    return read_pack(Path(name).read_text("utf-8"), name)
