"""What a backup says of itself: versions, tables with their rows, objects of the schema, roles, the ledger's head."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from parkgrid_database.backup.errors import BackupError

FORMAT = "parkgrid-backup-1"
MOST_BYTES = 512 * 1024 * 1024
"""Of a manifest: a store of ten thousand partitions has some ten million."""

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows a table has, its size, and their first and last instant, if they have one."""

    rows: int
    bytes: int = 0
    first_at: str | None = None
    last_at: str | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the server that the database needs; never with the powers of a superuser when it is made again."""

    name: str
    superuser: bool
    login: bool
    inherit: bool
    connection_limit: int
    settings: tuple[str, ...] = ()
    """As `name=value`."""
    groups: tuple[str, ...] = ()
    password_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of the pilot's ledger, and how many entries do not carry the digest of the one before."""

    number: int
    digest: str
    broken_links: int = 0


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a database holds, as far as a restore is compared with it."""

    migrations: tuple[tuple[str, str, str, str, bool], ...]
    """Version, name, variant, checksum, complete."""
    tables: Mapping[str, Rows]
    objects: Mapping[Key, str]
    """Kind, on what, name; and the definition or its digest."""
    sequences: Mapping[str, int]
    timescale: tuple[tuple[str, str, str], ...]
    """Hypertables, continuous aggregates and policies; empty on plain PostgreSQL."""
    roles: tuple[Role, ...]
    settings: tuple[str, ...]
    """Settings of the database itself, as `name=value`."""
    head: Head | None

    @property
    def schema_sha256(self) -> str:
        """One digest of every object of the schema."""
        lines = sorted([*key, definition] for key, definition in self.objects.items())
        return hashlib.sha256(json.dumps(lines, ensure_ascii=False).encode()).hexdigest()

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(each.rows for each in self.tables.values())


@dataclass(frozen=True, slots=True)
class Manifest:
    """What stands in `manifest.json` of a backup."""

    parkgrid: str
    """The version of the program that made the backup."""
    taken_at: str
    """The instant of the snapshot."""
    database: str
    server_version: str
    encoding: str
    tools_version: str
    """Of pg_dump: pg_restore must not be older."""
    extensions: Mapping[str, str]
    inventory: Inventory
    dump_bytes: int = 0
    dump_sha256: str = ""
    files: tuple[str, ...] = field(default=())
    """Files of a folder of `parkgrid up` that are in the backup as well."""

    @property
    def server_major(self) -> int:
        """The major version of the server."""
        return int(self.server_version.split(".")[0])

    def to_json(self) -> bytes:
        """As it is written into the backup."""
        document = asdict(self)
        inventory = document["inventory"]
        inventory["objects"] = [[*key, definition] for key, definition in self.inventory.objects.items()]
        inventory["schema_sha256"] = self.inventory.schema_sha256
        return json.dumps({"format": FORMAT, **document}, ensure_ascii=False, indent=1).encode()


def from_json(text: bytes) -> Manifest:
    """Read a manifest. Raises `BackupError` for one of another format, or one that was changed."""
    try:
        document: dict[str, Any] = json.loads(text)
        found = document.pop("format")
        if found != FORMAT:
            raise BackupError(f"the backup has the format {found}, this version reads {FORMAT}: use a newer parkgrid")
        inventory = document.pop("inventory")
        digest = inventory.pop("schema_sha256")
        files = tuple(document.pop("files"))
        manifest = Manifest(**document, files=files, inventory=_inventory(inventory))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(f"the manifest of the backup cannot be read ({error!r}): take another backup") from error
    if manifest.inventory.schema_sha256 != digest:
        raise BackupError("the manifest of the backup was changed: its list of objects has another digest")
    return manifest


def _inventory(document: dict[str, Any]) -> Inventory:
    return Inventory(
        migrations=tuple((each[0], each[1], each[2], each[3], each[4]) for each in document["migrations"]),
        tables={name: Rows(**each) for name, each in document["tables"].items()},
        objects={(each[0], each[1], each[2]): each[3] for each in document["objects"]},
        sequences=document["sequences"],
        timescale=tuple((each[0], each[1], each[2]) for each in document["timescale"]),
        roles=tuple(_role(each) for each in document["roles"]),
        settings=tuple(document["settings"]),
        head=Head(**document["head"]) if document["head"] else None,
    )


def _role(document: dict[str, Any]) -> Role:
    return Role(**{**document, "settings": tuple(document["settings"]), "groups": tuple(document["groups"])})
