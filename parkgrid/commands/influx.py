"""`parkgrid influx`: to and from a store that a site already owns."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from parkgrid.commands import outcome

app = typer.Typer(
    help="Export to, and import from, InfluxDB 2 and VictoriaMetrics.",
    no_args_is_help=True,
)

Dsn = Annotated[str, typer.Option(help="The database.", envvar="PARKGRID_DSN")]
Url = Annotated[str, typer.Option(help="Address of the store, for example http://127.0.0.1:8428.")]
Bucket = Annotated[str, typer.Option(help="Bucket; VictoriaMetrics has none.")]
Org = Annotated[str, typer.Option(help="Organisation; VictoriaMetrics has none.")]
Token = Annotated[str, typer.Option(help="Token with the right to read or write.", envvar="PARKGRID_INFLUX_TOKEN")]
Start = Annotated[str, typer.Option("--from", help="First instant, for example 2026-06-01T00:00+08:00.")]
End = Annotated[str, typer.Option("--to", help="End, not included, in the same form.")]


@app.command("export")
def export_command(
    dsn: Dsn,
    url: Url,
    start: Start,
    end: End,
    cursor: Annotated[Path, typer.Option(help="File that stores how far the export is.")] = Path("influx-export.json"),
    park: Annotated[list[str] | None, typer.Option(help="Only this park; may be repeated.")] = None,
    intervals: Annotated[bool, typer.Option("--intervals", help="The 15-minute energies, not the samples.")] = False,
    bucket: Bucket = "parkgrid",
    org: Org = "",
    token: Token = "",
) -> None:
    """Write stored samples, or the 15-minute energies, as line protocol.

    An interrupted export continues where it stopped. Remove the cursor file to send everything again, for example after
    late data: new points replace the old ones (in VictoriaMetrics with `-dedup.minScrapeInterval=1ms`).

    For example:

        parkgrid influx export --url http://127.0.0.1:8428 --from 2026-06-01T00:00+08:00 --to 2026-07-01T00:00+08:00
    """
    start_ms, end_ms = (_milliseconds(outcome.instant(text)) for text in (start, end))

    def action() -> int:
        import psycopg
        from rich.console import Console

        from parkgrid.progress import as_share, progress
        from parkgrid_exchange.client import Influx
        from parkgrid_exchange.cursor import Cursor
        from parkgrid_exchange.export import Wanted, export

        parks = tuple(sorted(set(park or ())))
        wanted = Wanted("intervals" if intervals else "samples", parks, start_ms, end_ms)
        name = f"{wanted.what} of {', '.join(parks) or 'all parks'} from {start_ms} to {url} {bucket}"
        with (
            contextlib.closing(Influx(url, bucket, org, token)) as influx,
            psycopg.connect(dsn, autocommit=True) as connection,
            progress(Console(stderr=True)) as tell,
        ):
            bar = as_share(start_ms, end_ms, "points written", tell)
            found = export(connection, influx, wanted, Cursor(cursor, name), bar)
        typer.echo(f"{found.points} points written, {found.left_out} left out because they are not good")
        return 0

    outcome.finish(action)


@app.command("import")
def import_command(
    dsn: Dsn,
    url: Url,
    mapping: Annotated[Path, typer.Option(help="TOML file that describes the series.")],
    start: Start,
    end: End,
    again: Annotated[
        int, typer.Option("--round", min=1, max=999, help="Use another number to read a time span again.")
    ] = 1,
    bucket: Bucket = "parkgrid",
    org: Org = "",
    token: Token = "",
) -> None:
    """Read series as the mapping describes and store each reading once, under a gateway for this import.

    An interrupted import continues where it stopped; with a corrected mapping the time span is read again. Roll-ups and
    energies are complete at its end. Fields that the mapping does not name are listed, not stored. Exit status 1,
    with the reason, if nothing matched, a device has no reading, or readings differ from those already stored.

    For example:

        parkgrid influx import --mapping fab.toml --url http://127.0.0.1:8428 --from 2026-06-01T00:00+08:00 --to …
    """
    start_ms, end_ms = (_milliseconds(outcome.instant(text)) for text in (start, end))

    def action() -> int:
        from rich.console import Console

        from parkgrid.progress import as_share, progress
        from parkgrid_contract.time import SystemClock
        from parkgrid_exchange.client import Influx
        from parkgrid_exchange.importing import ImportSpan, import_series
        from parkgrid_exchange.mapping import load_mapping
        from parkgrid_exchange.sources import InfluxDb2, Source, VictoriaMetrics
        from parkgrid_ingest.bulk import problems, sentences
        from parkgrid_ingest.store.opening import open_store
        from parkgrid_metering.catching_up import caught_up

        settings = load_mapping(mapping)
        source: Source = VictoriaMetrics(url, token)
        with contextlib.ExitStack() as stack:
            store = stack.enter_context(contextlib.closing(open_store(dsn)))
            if settings.kind == "influxdb2":
                source = InfluxDb2(stack.enter_context(contextlib.closing(Influx(url, bucket, org, token))), bucket)
            span = ImportSpan(start_ms, end_ms, again)
            tell = stack.enter_context(progress(Console(stderr=True)))
            stack.enter_context(caught_up(dsn, store.kind, tell))
            bar = as_share(start_ms, end_ms, "readings stored", tell)
            found = import_series(store, source, settings, span, SystemClock().now_ms(), bar)
        for sentence in sentences(found):
            typer.echo(sentence)
        wrong = list(problems(found, dsn))
        for problem in wrong:
            typer.echo(f"error: {problem}", err=True)
        return 1 if wrong else 0

    outcome.finish(action)


def _milliseconds(instant: object) -> int:
    from datetime import datetime

    from parkgrid_contract.time import to_ms

    assert isinstance(instant, datetime)  # noqa: S101  a given text is an instant or was refused
    return to_ms(instant)
