"""`parkgrid parks`: what parks there are, and where each of them lies."""

from typing import Annotated

import typer

from parkgrid.commands import outcome, report

Dsn = Annotated[str, typer.Option(help="The database.", envvar="PARKGRID_DSN")]

app = typer.Typer(
    help=(
        "The parks of a database and their coordinates.\n\n"
        "Coordinates determine the position of the sun: which irradiance is possible and when it is night. "
        "Irradiance and PV energy are checked against it."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("list")
def list_command(dsn: report.Dsn = None, data_dir: report.DataDir = None) -> None:
    """List the parks with time zone and coordinates.

    For example:

        parkgrid parks list
    """

    def action() -> int:
        import psycopg

        from parkgrid_database.errors import translated

        query = "SELECT park, time_zone, latitude, longitude FROM parks ORDER BY park"
        database = report.found(dsn, data_dir)
        with translated(), psycopg.connect(database, autocommit=True, connect_timeout=5) as connection:
            for park, zone, latitude, longitude in connection.execute(query):
                place = "no coordinates" if latitude is None else f"{latitude:g} °N, {longitude:g} °E"
                typer.echo(f"{park}  {zone}  {place}")
        return 0

    outcome.finish(action)


@app.command()
def place(
    park: Annotated[str, typer.Argument(help="The park, as `list` shows it.")],
    dsn: Dsn,
    latitude: Annotated[float, typer.Option(min=-90, max=90, help="Degrees north; south is negative.")],
    longitude: Annotated[float, typer.Option(min=-180, max=180, help="Degrees east; west is negative.")],
) -> None:
    """Set the coordinates of a park, to a tenth of a degree or better.

    For example:

        parkgrid parks place gaoxin-nan --latitude 22.69 --longitude 114.35
    """

    def action() -> int:
        import psycopg

        from parkgrid_database.errors import translated

        values = {"park": park, "latitude": latitude, "longitude": longitude}
        with translated(), psycopg.connect(dsn, connect_timeout=5) as connection:
            known = connection.execute(_LOCK, values).fetchone()
            if known:
                park_id, moves = known
                connection.execute(_PLACE, values | {"park_id": park_id})
                if moves:
                    connection.execute("SELECT base.spread_anew(%s)", (park_id,))
        if known:
            typer.echo(f"{park}: {latitude:g} °N, {longitude:g} °E")
            return 0
        typer.echo(f"no park {park!r} has ever reported: `parkgrid parks list` shows all known parks", err=True)
        return 1

    outcome.finish(action)


_LOCK = """
SELECT park_id, (latitude, longitude) IS DISTINCT FROM (%(latitude)s::float8, %(longitude)s::float8)
FROM base.park WHERE park = %(park)s FOR UPDATE
"""

# What photovoltaics counted in a gap is spread by the sun of the place: elsewhere it is spread anew.
_PLACE = "UPDATE base.park SET latitude = %(latitude)s, longitude = %(longitude)s WHERE park_id = %(park_id)s"
