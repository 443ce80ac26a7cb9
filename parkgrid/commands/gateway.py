"""`parkgrid gateway`: which gateways there are, which of them are not admitted, and whose updates they take."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkgrid.commands import outcome
from parkgrid_contract.time import SHANGHAI

if TYPE_CHECKING:
    from parkgrid_contract.identity import Gateway
    from parkgrid_ingest.gateways import Listed

Dsn = Annotated[str, typer.Option(help="The database.", envvar="PARKGRID_DSN")]
OwnerDsn = Annotated[str, typer.Option(help="The database, as its owner.", envvar="PARKGRID_DSN")]
Name = Annotated[str, typer.Argument(metavar="PARK/GATEWAY", help="The gateway, as `list` shows it.")]
By = Annotated[str, typer.Option("--by", help="Your name; it is stored with the gateway.")]
Why = Annotated[str, typer.Option("--reason", help="The reason; it is shown with the gateway.")]

app = typer.Typer(
    help=(
        "The gateways that have ever reported, and those that are refused.\n\n"
        "**retire** a gateway that is no longer in use: its devices leave the page, their readings stay.\n\n"
        "**remove** a gateway that should not exist: as retire; devices that never stored a reading are deleted.\n\n"
        "**readmit** accepts a gateway again, also one whose newest birth has an epoch far in the future.\n\n"
        "A running ingest applies the change within some seconds.\n\n"
        "**key** and **sign** are for updates of gateways: they need no database."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("list")
def list_command(dsn: Dsn, park: Annotated[str, typer.Option(help="Only this park.")] = "") -> None:
    """List gateways with their devices, their epoch and how many refused messages they sent.

    For example:

        parkgrid gateway list --park gaoxin-nan
    """

    def action() -> int:
        import psycopg

        from parkgrid_database.errors import translated
        from parkgrid_ingest.gateways import listed

        with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            for each in listed(connection, park or None):
                typer.echo(_sentence(each))
        return 0

    outcome.finish(action)


@app.command()
def retire(name: Name, dsn: Dsn, by: By, reason: Why) -> None:
    """Refuse a gateway from now on. Its devices leave the page; readings, energy and bills of the past stay.

    Its agent keeps its readings in its outbox and may be stopped. For example:

        parkgrid gateway retire gaoxin-nan/gw-2 --by "Li Wei" --reason "building B was sold"
    """

    def action() -> int:
        import psycopg

        from parkgrid_database.errors import translated
        from parkgrid_ingest.gateways import retire as refuse

        gateway = _gateway(name)
        with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            devices = refuse(connection, gateway, by, reason)
        typer.echo(f"{gateway} is refused from now on; {devices} devices left the page, their readings stay")
        return 0

    outcome.finish(action)


@app.command()
def remove(name: Name, dsn: OwnerDsn, by: By, reason: Why) -> None:
    """Retire a gateway and delete its devices that never stored a reading, for example invented ones.

    Devices with readings are only retired, because published figures must stay traceable. For example:

        parkgrid gateway remove gaoxin-nan/gw-99 --by "Li Wei" --reason "announced by mistake"
    """

    def action() -> int:
        import psycopg

        from parkgrid_database.errors import translated
        from parkgrid_ingest.gateways import remove as take_out

        gateway = _gateway(name)
        with (
            translated(),
            psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection,
            psycopg.connect(dsn, autocommit=True, connect_timeout=5) as asking,
        ):
            removed = take_out(connection, asking, gateway, by, reason)
        if not removed.known:
            typer.echo(f"{gateway} was never born; it is refused from now on")
            return 0
        typer.echo(f"{gateway} is refused from now on; {removed.devices} devices without a reading were removed")
        if removed.kept:
            typer.echo(f"{removed.kept} devices have readings: they are retired, and what they measured stays")
        return 0

    outcome.finish(action)


@app.command()
def readmit(name: Name, dsn: Dsn) -> None:
    """Accept a gateway again: one that was retired or removed, or one whose epoch is too far ahead.

    A gateway's outbox has an epoch, a new one each time it is opened; only births of the newest epoch are accepted.
    If another program announced an epoch far in the future under the gateway's name, the gateway's own births are
    refused as old. After this command its next birth is accepted. Restart the gateway's agent afterwards: its birth
    replaces the one that the broker keeps. For example:

        parkgrid gateway readmit gaoxin-nan/gw-1
    """

    def action() -> int:
        import psycopg

        from parkgrid_database.errors import translated
        from parkgrid_ingest.gateways import readmit as let_in

        gateway = _gateway(name)
        with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            if let_in(connection, gateway):
                typer.echo(f"{gateway}: its next birth counts, whatever its epoch; restart its agent to have one")
                return 0
        typer.echo(f"{gateway} was never born and is not refused: `parkgrid gateway list` shows all", err=True)
        return 1

    outcome.finish(action)


@app.command()
def key(folder: Annotated[Path, typer.Argument(help="Where update.key and update.pub are written.")]) -> None:
    """Make the key that updates of gateways are signed with; `update.key` stays secret and never goes to a gateway.

    Each gateway names the public part in `[update] key` of its own file. For example:

        parkgrid gateway key /etc/parkgrid
    """

    def action() -> int:
        from parkgrid.update_key import PUBLIC, create

        typer.echo(f"{folder / PUBLIC}: {create(folder)}")
        return 0

    outcome.finish(action)


@app.command()
def sign(
    folder: Annotated[Path, typer.Argument(metavar="KEYS", help="The folder of update.key.")],
    archives: Annotated[list[Path], typer.Argument(metavar="ARCHIVE...", help="From scripts/gateway-bundle.")],
) -> None:
    """Sign archives, so that gateways that trust the key install them as an update.

    For example:

        parkgrid gateway sign /etc/parkgrid build/gateway/*.zip
    """

    def action() -> int:
        from parkgrid.update_key import load
        from parkgrid.update_key import sign as put_signature

        own = load(folder)
        for each in archives:
            put_signature(each, own)
            typer.echo(f"{each}: signed")
        return 0

    outcome.finish(action)


def _gateway(name: str) -> "Gateway":
    from parkgrid_contract.identity import Gateway, identifier
    from parkgrid_contract.refusal import RefusedError

    park, _, gateway = name.partition("/")
    try:
        return Gateway(identifier(park, "park"), identifier(gateway, "gateway"))
    except RefusedError:
        outcome.refuse(f"{name!r} is not a gateway: write park/gateway, for example gaoxin-nan/gw-1")


def _sentence(each: "Listed") -> str:
    state = (
        "retired"
        if each.reason is not None
        else "imported"
        if each.imported
        else "online"
        if each.online
        else "offline"
    )
    if state == "offline" and each.heard_at is not None:
        state += f" since {each.heard_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
    parts = [f"{each.gateway}", state, f"{each.devices} devices"]
    if each.retired_devices:
        parts.append(f"{each.retired_devices} retired")
    if each.epoch is not None:
        parts.append(f"epoch {each.epoch}")
    if each.refused:
        parts.append(f"{each.refused} refused")
    if each.reason is not None:
        parts.append(f"{each.reason} ({each.retired_by}, {(each.retired_at or '')[:16]})")
    return "  ".join(parts)
