"""The broker of docker-compose.yml on loopback: docker/mosquitto.conf with this machine's paths and ports in it."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from parkgrid_servers import broker as launcher
from parkgrid_servers import process

ROOT = Path(__file__).resolve().parents[2]
NO_MOSQUITTO = pytest.mark.skipif(
    launcher.find_mosquitto() is None, reason="mosquitto is not installed: apt install mosquitto"
)


@dataclass(frozen=True, slots=True)
class Shipped:
    """Where it listens, and the passwords of its logins."""

    port: int
    tls_port: int

    @staticmethod
    def password(user: str) -> str:
        return f"{user} secret"


@contextmanager
def shipped(folder: Path, users: Sequence[str], certificates: Path, without: str = "") -> Iterator[Shipped]:
    """It runs; `without` leaves out the lines of its configuration that begin so, to see what they are good for."""
    port, tls_port, passwords = process.free_port(), process.free_port(), folder / "passwords"
    passwords.touch(mode=0o600)
    tool = shutil.which("mosquitto_passwd")
    assert tool, "comes with mosquitto"
    for user in users:
        command = [tool, "-b", str(passwords), user, Shipped.password(user)]
        subprocess.run(command, check=True, capture_output=True)
    text = (ROOT / "docker" / "mosquitto.conf").read_text("utf-8")
    for theirs, ours in (
        ("listener 1883", f"listener {port} 127.0.0.1"),
        ("listener 8883", f"listener {tls_port} 127.0.0.1"),
        ("password_file /tmp/passwords", f"password_file {passwords}"),
        ("/mosquitto/config/mosquitto.acl", str(ROOT / "docker" / "mosquitto.acl")),
        ("/mosquitto/data/", f"{folder}/"),
        ("/tmp/tls/", f"{certificates}/"),  # noqa: S108  (where it is in the container)
    ):
        assert theirs in text
        text = text.replace(theirs, ours)
    if without:
        assert without in text
        text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith(without))
    configuration = folder / "mosquitto.conf"
    configuration.write_text(f"{text}\nuser root\n", "utf-8")
    program = launcher.find_mosquitto()
    assert program
    running = launcher.run([program, "-c", str(configuration)], folder, port)
    try:
        yield Shipped(port, tls_port)
    finally:
        running.stop()


def commands_of(document: str) -> list[str]:
    """The shell commands of a document, block by block."""
    return re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs" / document).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def make_certificates(folder: Path, commands: Sequence[str]) -> Path:
    """Run commands as somebody does who types them from a document."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["/bin/sh", "-eu"], input="\n".join(commands), cwd=folder, text=True, check=True, capture_output=True
    )
    return folder


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificates that docs/tls.md makes."""
    return make_certificates(tmp_path_factory.mktemp("tls"), commands_of("tls.md"))
