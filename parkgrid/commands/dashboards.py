"""`parkgrid dashboards`: Grafana as code, built, checked and sent."""

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

_FOUND = 1
_WRONG = 2
_DEFAULT_LIVE = "http://127.0.0.1:8080"
Live = Annotated[str, typer.Option("--live", help="Address of the page; links in the dashboards lead there.")]

app = typer.Typer(
    help=(
        "Grafana dashboards as code: the same colours, terms and units as the page, in Chinese and English.\n\n"
        "Start with `parkgrid dashboards check`, then `parkgrid dashboards build --out DIR`."
    ),
    no_args_is_help=True,
)


@app.command()
def build(
    out: Annotated[
        Path | None, typer.Option(help="Folder to write into.  [default: what docker-compose mounts into Grafana]")
    ] = None,
    live: Live = _DEFAULT_LIVE,
) -> None:
    """Write every dashboard, the data source and the alert rules as files; the same input gives the same bytes.

    For example:

        parkgrid dashboards build

        parkgrid dashboards build --out /etc/grafana/provisioning --live https://energy.example.cn
    """
    from parkgrid_dashboards import provision
    from parkgrid_dashboards.board import Site

    folder = out or provision.COMMITTED
    try:
        written = provision.write(folder, Site(live.rstrip("/")))
    except OSError as error:
        _refuse(f"{folder} cannot be written: {error}")
    typer.echo(f"{len(written)} files in {folder}")


@app.command()
def check(
    dsn: Annotated[
        str | None,
        typer.Option(envvar="PARKGRID_DSN", help="A database on which every query is run, read-only."),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema/--no-schema", help="Check types against @grafana/schema (needs npm once).")
    ] = True,
    empty: Annotated[bool, typer.Option("--empty", help="The database has no data, so panels may be empty.")] = False,
    slow_ms: Annotated[float, typer.Option(min=1, help="Longest time of a query, 95th percentile, in ms.")] = 100.0,
    runs: Annotated[int, typer.Option(min=1, max=1_000, help="How often each query is run to measure its time.")] = 20,
    at: Annotated[
        datetime | None,
        typer.Option(help="The instant that is taken as now, with its offset.", formats=["%Y-%m-%dT%H:%M%z"]),
    ] = None,
) -> None:
    """Check the dashboards for mistakes. Prints one line for each finding; exit status 1 if there is one.

    Layout, terms and names are always checked, and types against Grafana's schema. With a database, every query of
    every panel, annotation and alert rule is run with every choice of the variables: columns, rows, raw readings, time.

    For example:

        parkgrid dashboards check

        parkgrid dashboards check --dsn postgresql://me@db.example/parkgrid
    """
    import psycopg

    from parkgrid_dashboards.board import Site
    from parkgrid_dashboards.check.database import Limits
    from parkgrid_dashboards.check.run import Database
    from parkgrid_dashboards.check.run import check as run
    from parkgrid_dashboards.check.schema import SchemaError
    from parkgrid_dashboards.provision import documents

    database = Database(dsn, Limits(slow_ms, runs, empty), at) if dsn else None
    try:
        report = run(documents(Site()), database, schema=schema, tell=lambda text: typer.echo(text, err=True))
    except SchemaError as error:
        _refuse(f"{error}; `--no-schema` skips this check")
    except psycopg.Error as error:
        _refuse(f"the database cannot be queried: {str(error).splitlines()[0]}")
    for finding in report.findings:
        typer.echo(str(finding))
    if report.asked:
        slowest = max(report.asked, key=lambda asked: asked.p95_ms)
        typer.echo(f"{len(report.asked)} queries, slowest {slowest.p95_ms:.0f} ms: {slowest.where}", err=True)
    if report.findings:
        typer.echo(f"{len(report.findings)} findings", err=True)
        raise typer.Exit(_FOUND)
    typer.echo("no findings" + ("" if dsn else "; give --dsn to run the queries as well"), err=True)


@app.command()
def push(
    url: Annotated[str, typer.Option(envvar="GRAFANA_URL", help="Grafana, such as http://127.0.0.1:3000.")],
    live: Live = _DEFAULT_LIVE,
    user: Annotated[
        str, typer.Option(help="Login, if there is no token; the password is read from GRAFANA_PASSWORD.")
    ] = "",
    database: Annotated[
        str,
        typer.Option(help="Host and port of the database, as seen from Grafana; empty: do not change the data source."),
    ] = "",
    database_user: Annotated[str, typer.Option(help="Login of the data source.")] = "grafana_reader",
) -> None:
    """Send everything to a running Grafana and print what changed; repeating it changes nothing.

    The token of a service account is read from GRAFANA_TOKEN, the password of the data source from
    PARKGRID_GRAFANA_DB_PASSWORD, so that neither appears on a command line.

    For example:

        GRAFANA_TOKEN=… parkgrid dashboards push --url https://grafana.example.cn --live https://energy.example.cn

        GRAFANA_PASSWORD=… parkgrid dashboards push --url http://127.0.0.1:3000 --user admin --database database:5432
    """
    from parkgrid_dashboards.board import Site
    from parkgrid_dashboards.push import DatabaseAccess, PushError
    from parkgrid_dashboards.push import push as send

    token, password = os.environ.get("GRAFANA_TOKEN", ""), os.environ.get("GRAFANA_PASSWORD", "")
    if not token and not (user and password):
        _refuse("set GRAFANA_TOKEN, or give --user and set GRAFANA_PASSWORD")
    secret = os.environ.get("PARKGRID_GRAFANA_DB_PASSWORD")
    access = DatabaseAccess(database, database_user, secret) if database else None
    counted: dict[str, int] = {}
    try:
        for change in send(url, token or (user, password), Site(live.rstrip("/")), access):
            typer.echo(str(change))
            counted[change.state] = counted.get(change.state, 0) + 1
    except PushError as error:
        _refuse(str(error))
    typer.echo(", ".join(f"{count} {state}" for state, count in sorted(counted.items())), err=True)


def _refuse(sentence: str) -> NoReturn:
    typer.echo(f"error: {sentence}", err=True)
    raise typer.Exit(_WRONG)
