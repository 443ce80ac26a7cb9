"""The api process: `python -m parkgrid_api --config api.toml`."""

import argparse
import json
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from socket import socket
from types import FrameType

import structlog
import uvicorn

from parkgrid_api.app import guarded, openapi
from parkgrid_api.http.connections import protocol
from parkgrid_api.services import Services
from parkgrid_api.settings import ApiSettings, DatabaseSettings
from parkgrid_contract.settings import SettingsError, load

log = structlog.get_logger()
_LONGEST_GOODBYE_S = 5
_OWN_FILES = 256
"""Files beside the clients' connections: sessions of the database, logs, libraries."""


class Server(uvicorn.Server):
    """A server that ends its live streams before it waits for open answers."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services

    def end(self, _number: int, _frame: FrameType | None) -> None:
        """Stop; uvicorn raises each signal it took once more at its end, which must not kill a clean exit."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Let the streams go, then everything else."""
        log.info("stopping", streams=self._services.hub.clients)
        await self._services.hub.close()
        await super().shutdown(sockets)


def serve(settings: ApiSettings) -> int:
    """Serve until SIGINT or SIGTERM; the exit status."""
    app, services = guarded(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=protocol(settings.connections, settings.proxies),
        ws="none",
        access_log=False,
        # Below that stands what clients do, which must not fill a disk.
        log_level="error",
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=_LONGEST_GOODBYE_S,
    )
    _open_files(settings.connections.most)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    log.info("serving", url=f"http://{host}:{settings.port}/", page=services.page.built)
    server = Server(config, services)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.end)
    server.run()
    log.info("stopped")
    return 0 if server.started else 1


def _open_files(connections: int) -> None:
    """Let the process open as many files as that many connections and its own take, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OWN_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning(
            "the limit of open files is low", allowed=allowed, wanted=wanted, remedy="raise the limit (ulimit -n)"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of the role."""
    parser = argparse.ArgumentParser(prog="python -m parkgrid_api", description=__doc__)
    parser.add_argument("--config", type=Path, help="TOML file; environment variables PARKGRID_API_… override it")
    parser.add_argument("--openapi", action="store_true", help="print the OpenAPI document and exit")
    options = parser.parse_args(arguments)
    if options.openapi:
        document = openapi(ApiSettings(DatabaseSettings("")))
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
        return 0
    try:
        settings = load(ApiSettings, options.config, os.environ, "api")
    except SettingsError as error:
        sys.stderr.write("".join(f"{problem}\n" for problem in error.problems))
        return 2
    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
