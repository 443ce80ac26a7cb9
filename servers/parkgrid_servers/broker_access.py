"""Who may do what at a broker: authority is over (park, gateway), never over a gateway's name alone.

The login of a gateway is its whole address, `park/gateway`, and opens that gateway's own topics. What is decided here
is written as `docker/mosquitto.acl` (a test compares them) and is what the broker of `parkgrid up` keeps to.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from parkgrid_contract.identity import Gateway
from parkgrid_contract.topics import PREFIX, Channel, subscription
from parkgrid_servers.private_file import write_private

INGEST, TAP = "ingest", "tap"
INGEST_WORKERS = (INGEST, *(f"{INGEST}-{number}" for number in range(2, 5)))
"""Several workers have a login each, since a login is one client."""
PROBE_TOPIC = f"{PREFIX}/-/-/echo"
_FROM_GATEWAY = (Channel.BIRTH, Channel.STATUS, Channel.TELEMETRY, Channel.RESULT)
_TO_GATEWAY = (Channel.ACK, Channel.COMMAND)
_ITERATIONS = 101
"""As mosquitto_passwd has it: what is hashed is no word but 32 random bytes."""


@dataclass(frozen=True, slots=True)
class Rights:
    """Topic filters that a login may write to and read from."""

    write: tuple[str, ...] = ()
    read: tuple[str, ...] = ()

    def may_write(self, topic: str) -> bool:
        """Whether it may publish there, also as its will."""
        return any(_covers(each, topic) for each in self.write)

    def may_hear(self, topic: str) -> bool:
        """Whether a message of a topic may be handed to it."""
        return any(_covers(each, topic) for each in self.read)


def rights(username: str) -> Rights:
    """What a login may do; `username` is that of a service, or a gateway's address with `%u` for mosquitto's own."""
    if username in INGEST_WORKERS:
        # Its own acknowledgements as well: they tell it whether the database is older than what it acknowledged.
        heard = tuple(map(subscription, (*_FROM_GATEWAY, Channel.ACK)))
        return Rights((PROBE_TOPIC, subscription(Channel.ACK)), (PROBE_TOPIC, *heard))
    if username == TAP:
        return Rights(read=(subscription(Channel.BIRTH), subscription(Channel.TELEMETRY)))
    if any(sign in username for sign in "+#"):
        return Rights()
    own = f"{PREFIX}/{username}"
    return Rights(tuple(f"{own}/{each}" for each in _FROM_GATEWAY), tuple(f"{own}/{each}" for each in _TO_GATEWAY))


def acl() -> str:
    """Mosquitto's access list: services by name, every gateway by a pattern over its login."""
    lines = [line for name in (*INGEST_WORKERS, TAP) for line in (f"user {name}", *_rules("topic", rights(name)))]
    return "\n".join([*lines, *_rules("pattern", rights("%u"))]) + "\n"


def _rules(kind: str, granted: Rights) -> Iterable[str]:
    both = [each for each in granted.write if each in granted.read]
    yield from (f"{kind} readwrite {each}" for each in both)
    yield from (f"{kind} read {each}" for each in granted.read if each not in both)
    yield from (f"{kind} write {each}" for each in granted.write if each not in both)


def _covers(pattern: str, topic: str) -> bool:
    """Whether a filter with `+` for whole levels covers a topic; no filter here has a `#`."""
    wanted, there = pattern.split("/"), topic.split("/")
    return len(wanted) == len(there) and all(want in {"+", level} for want, level in zip(wanted, there, strict=True))


@dataclass(frozen=True, slots=True)
class Logins:
    """The logins of a broker that is started here: one random secret of its folder, and a password for each from it."""

    secret: bytes
    gateways: tuple[Gateway, ...] = ()

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Logins(gateways={self.gateways})"

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody who is let in."""
        return (*INGEST_WORKERS, TAP, *map(str, self.gateways))

    def password(self, username: str) -> str:
        """The password of a login."""
        return hmac.digest(self.secret, username.encode(), "sha256").hex()

    def right(self, username: str | None, password: str | None) -> bool:
        """Whether this is one of ours, with its own password."""
        if username is None or password is None:
            return False
        return hmac.compare_digest(self.password(username).encode(), password.encode()) and username in self.names

    def mosquitto_passwords(self) -> str:
        """The content of mosquitto's password file (PBKDF2 with SHA-512, as its tool writes it)."""
        return "".join(f"{name}:{_hashed(self.password(name))}\n" for name in self.names)


def logins(folder: Path, gateways: Sequence[Gateway]) -> Logins:
    """The logins of a broker's folder; its secret is made at the first start and stays, readable by its owner only."""
    path = folder / "secret"
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    return Logins(bytes.fromhex(path.read_text("ascii")), tuple(gateways))


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
