"""The front door: `parkgrid up`, `doctor`, `tap`, `replay`, `bench`, and the roles one by one.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Annotated

import typer

from parkgrid.commands import (
    bill,
    clusters,
    dashboards,
    database,
    demo,
    gateway,
    influx,
    measured,
    parks,
    registers,
    report,
    trace,
    vpp,
)
from parkgrid.commands.outcome import FAILED, finish, instant, refuse
from parkgrid_contract.extras import MissingExtraError

app = typer.Typer(
    name="parkgrid",
    help=(
        "Monitors and bills the energy of industrial parks: no accepted reading is lost or counted twice.\n\n"
        "Start with `parkgrid up`: it starts a database, a broker, simulated parks and the page, and prints the "
        "page's address. `parkgrid doctor` checks this machine first."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
edge = typer.Typer(
    help="The gateway agent: polls devices, keeps readings, sends them to the server.", no_args_is_help=True
)
ingest = typer.Typer(help="The only writer of telemetry: broker to database, exactly once.", no_args_is_help=True)
metering = typer.Typer(
    help="Computes 15-minute energy from stored readings, and revises it when late data arrive.", no_args_is_help=True
)
api = typer.Typer(help="The HTTP API and the page.", no_args_is_help=True)
app.add_typer(edge, name="edge")
app.add_typer(ingest, name="ingest")
app.add_typer(metering, name="metering")
app.add_typer(api, name="api")
app.add_typer(database.app, name="db")
app.add_typer(bill.app, name="bill")
app.add_typer(parks.app, name="parks")
app.add_typer(gateway.app, name="gateway")
app.add_typer(registers.app, name="registers")
app.add_typer(clusters.app, name="clusters")
app.add_typer(influx.app, name="influx")
app.add_typer(dashboards.app, name="dashboards")
app.add_typer(report.app, name="report")
app.add_typer(vpp.app, name="vpp")
app.add_typer(demo.app, name="demo")
app.command("trace")(trace.trace)
app.command("import")(measured.import_command)
app.command("show")(measured.show)

DataDir = Annotated[Path | None, typer.Option(help="Folder for data and logs.  [default: one for each user]")]
Dsn = Annotated[str | None, typer.Option(help="An existing PostgreSQL. Without it, one is started here.")]
MqttUrl = Annotated[
    str | None,
    typer.Option(
        help="An existing broker, mqtt://host:1883 or mqtts://host:8883?ca=ca.crt (TLS). Without it, one is started."
    ),
]
Config = Annotated[Path | None, typer.Option(help="TOML file; environment variables (PARKGRID_…) override it.")]


@app.command()
def up(
    for_s: Annotated[
        float | None, typer.Option("--for", help="Stop after this many seconds and check every sample.")
    ] = None,
    speed: Annotated[float, typer.Option(min=1, max=3600, help="Simulated seconds per second.")] = 1.0,
    data_dir: DataDir = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65_535, help="Port of the page; 0: any free port.  [default: 8080 or the next free one]"
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on. 0.0.0.0 also admits other machines; the page then requires a token."),
    ] = "127.0.0.1",
    dsn: Dsn = None,
    mqtt_url: MqttUrl = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the simulated parks: the same seed gives the same parks.")
    ] = None,
    parks: Annotated[
        int | None,
        typer.Option(min=1, max=4, help="Number of parks of the demonstration district.  [default: 4, short runs 1]"),
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help="A park to simulate: a name or a TOML file. May be repeated.")
    ] = None,
    history: Annotated[
        bool | None,
        typer.Option(
            "--history/--no-history", help="Generate the year before the first start.  [default: not in short runs]"
        ),
    ] = None,
    ingest_workers: Annotated[
        int,
        typer.Option(min=1, max=4, help="Ingest processes that share the telemetry, if the broker can share it."),
    ] = 1,
) -> None:
    """Start everything on this machine: database, broker, a district of simulated parks, edge, ingest, api and page.

    The first start generates a year of history, marked as simulated, with bills and cluster figures. This takes about a
    minute on two cores; later starts continue from there. Ctrl-C stops everything; the data stays. With `--for` the
    last line is one JSON object, and the exit status is 0 only if nothing was lost, duplicated or refused. Runs with
    `--for` or `--speed` are short: one park and no history, unless other options say so.

    For example:

        parkgrid up

        parkgrid up --scenario pingshan_park --scenario my-park.toml --no-history

        parkgrid up --speed 60

        parkgrid up --host 0.0.0.0

        parkgrid up --for 60 --speed 60

        parkgrid up --dsn postgresql://me@db.example/parkgrid --mqtt-url mqtt://broker.example
    """
    from parkgrid.up import DISTRICT, Plan, run, scenario_file

    def started() -> int:
        chosen = tuple(map(scenario_file, scenario or ())) or DISTRICT[: parks or 0]
        return run(Plan(for_s, speed, data_dir, port, dsn, mqtt_url, seed, chosen, history, host, ingest_workers))

    finish(started)


@app.command()
def replay(
    directory: Annotated[Path, typer.Argument(help="Folder with the measured CSV files.")],
    mapping: Annotated[Path | None, typer.Option(help="TOML file that describes the columns.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="First instant, for example 2016-08-01T00:00-08:00.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last instant, in the same form.")] = None,
    data_dir: DataDir = None,
    dsn: Dsn = None,
    mqtt_url: Annotated[str | None, typer.Option("--broker", "--mqtt-url", help="An existing broker.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Send measured data through Modbus registers, edge, broker, ingest and store; then read the totals back.

    For example:

        parkgrid replay ../shared/data/citylearn_2022 --json

        parkgrid replay data --from 2016-08-01T00:00-08:00 --to 2016-08-08T00:00-08:00
    """
    from parkgrid.replay import Request, run

    request = Request(directory, mapping, instant(start), instant(end), data_dir, dsn, mqtt_url, as_json=as_json)
    finish(lambda: run(request))


@app.command()
def doctor(
    data_dir: DataDir = None,
    port: Annotated[int, typer.Option(help="Port that the page would use.")] = 8080,
    dsn: Dsn = None,
    mqtt_url: MqttUrl = None,
) -> None:
    """Check whether `parkgrid up` can run on this machine, and say what to do. Exit status 1 if something is wrong."""
    from parkgrid.data_folder import default_data_dir
    from parkgrid.doctor import State, Surroundings, examine

    worst = 0
    for finding in examine(Surroundings(data_dir or default_data_dir(), port, dsn, mqtt_url)):
        worst = max(worst, finding.state is State.PROBLEM)
        typer.echo(f"{finding.state.value:8} {finding.subject:15} {finding.found}")
        if finding.remedy:
            typer.echo(f"{'':24} -> {finding.remedy}")
    raise typer.Exit(FAILED if worst else 0)


@app.command()
def tap(
    broker: Annotated[
        str | None,
        typer.Option(help="The broker to listen to, for example mqtts://tap@host?ca=ca.crt&cert=tap.crt&key=tap.key."),
    ] = None,
    data_dir: DataDir = None,
    park: Annotated[str, typer.Option(help="Only this park.")] = "",
    gateway: Annotated[str, typer.Option(help="Only this gateway.")] = "",
    device: Annotated[str, typer.Option(help="Only this device.")] = "",
    signal: Annotated[str, typer.Option(help="Only signals whose name contains this.")] = "",
    backlog: Annotated[bool, typer.Option(help="Also show readings that were sent late.")] = False,
    count: Annotated[int | None, typer.Option(help="Stop after this many lines.")] = None,
    for_s: Annotated[float | None, typer.Option("--for", help="Stop after this many seconds.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Show live telemetry, decoded, with units. Without --broker it uses the running `parkgrid up`.

    For example:

        parkgrid tap --signal power

        parkgrid tap --device pv-1 --json --count 10
    """
    from parkgrid.live_telemetry import Wanted, lines, listen
    from parkgrid.running_instance import find

    def show() -> int:
        chosen = broker or find(data_dir, "a broker with --broker").broker
        shown = lines(listen(chosen, for_s=for_s), Wanted(park, gateway, device, signal, backlog), as_json=as_json)
        for number, line in enumerate(shown, 1):
            typer.echo(line)
            if number == count:
                break
        return 0

    finish(show)


@edge.command("run")
def edge_run(config: Config = None) -> None:
    """Run the agent until Ctrl-C or SIGTERM. Example: `parkgrid edge run --config edge.toml`."""
    from parkgrid_edge.__main__ import main

    finish(lambda: main(_arguments(config)))


@edge.command("check")
def edge_check(config: Config = None) -> None:
    """Check the agent's settings and list all mistakes; nothing is started."""
    from parkgrid_edge.__main__ import main

    finish(lambda: main([*_arguments(config), "--check"]))


@edge.command("drivers")
def edge_drivers() -> None:
    """List the drivers, parkgrid's own and those of installed packages, and where each comes from."""
    from parkgrid_edge.__main__ import main

    finish(lambda: main(["--drivers"]))


@ingest.command("run")
def ingest_run(config: Config = None) -> None:
    """Run ingest until Ctrl-C or SIGTERM. Example: `parkgrid ingest run --config ingest.toml`."""
    from parkgrid_ingest.__main__ import main

    finish(lambda: main(_arguments(config)))


@ingest.command("check")
def ingest_check(config: Config = None) -> None:
    """Check ingest's settings and list all mistakes; nothing is started."""
    from parkgrid_ingest.__main__ import main

    finish(lambda: main([*_arguments(config), "--check"]))


@metering.command("run")
def metering_run(config: Config = None) -> None:
    """Run metering until Ctrl-C or SIGTERM. Example: `parkgrid metering run --config metering.toml`."""
    from parkgrid.metering import main

    finish(lambda: main(_arguments(config)))


@metering.command("check")
def metering_check(config: Config = None) -> None:
    """Check metering's settings and list all mistakes; nothing is started."""
    from parkgrid.metering import main

    finish(lambda: main([*_arguments(config), "--check"]))


@api.command("run")
def api_run(config: Config = None) -> None:
    """Serve the API and the page until Ctrl-C or SIGTERM. Example: `parkgrid api run --config api.toml`."""
    from parkgrid_api.__main__ import main

    finish(lambda: main(_arguments(config)))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def simulate(context: typer.Context) -> None:
    """Run a simulated park on real Modbus TCP. `parkgrid simulate --help` lists its options."""
    from parkgrid_simulators.__main__ import main

    finish(lambda: main(context.args))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def bench(context: typer.Context) -> None:
    """Measure this machine. Each figure is a ratio from one run. `parkgrid bench --help` lists its options."""
    if importlib.util.find_spec("parkgrid_bench") is None:
        refuse("benchmarks are not in the wheels: run `uv run parkgrid bench` in a clone of the repository")
    from parkgrid_bench.__main__ import main

    finish(lambda: main(context.args))


def main() -> None:
    """Entry point of the console script; a missing extra is said in words, not in a traceback."""
    try:
        app()
    except MissingExtraError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(FAILED)


def _arguments(config: Path | None) -> list[str]:
    return ["--config", str(config)] if config else []


if __name__ == "__main__":
    main()
