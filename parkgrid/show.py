"""`parkgrid show`: the page over what is stored, without anything that measures."""

import asyncio
import shlex
from pathlib import Path

from rich.console import Console

from parkgrid.data_folder import default_data_dir, occupied, page_port
from parkgrid.local_system import LocalSystem
from parkgrid.long_running import announcer, quiet_logs, run_until_stopped, stop_event


def run(data_dir: Path | None, dsn: str | None, port: int | None) -> int:
    """Bring up database, metering, api and page, and wait; the exit status."""
    console = Console(stderr=True)
    quiet_logs()
    folder = (data_dir or default_data_dir()).absolute()
    with occupied(folder):
        return asyncio.run(_run(folder, dsn, page_port(port), console))


async def _run(folder: Path, dsn: str | None, port: int, console: Console) -> int:
    stop = stop_event()
    system = LocalSystem(folder, announcer(console))

    async def start() -> None:
        await system.start_database(dsn)
        await system.start_metering()
        await system.start_api(port)

    try:
        await run_until_stopped(stop, start())
        if not stop.is_set():
            # What the user came for; the other commands need to know where the database is.
            print(f"parkgrid shows what is stored: http://127.0.0.1:{port}/", flush=True)  # noqa: T201
            print(f"export PARKGRID_DSN={shlex.quote(system.dsn)}", flush=True)  # noqa: T201
            await stop.wait()
    finally:
        await system.supervisor.close()
    return 0
