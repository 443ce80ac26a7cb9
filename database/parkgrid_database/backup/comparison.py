"""What differs between a database and the manifest of its backup, in sentences that name the remedy."""

from collections.abc import Iterator, Mapping

from parkgrid_database.backup.manifest import Inventory, Key, Rows

_TWICE = "without it the same reading can be stored twice"
_LAYOUT = str.maketrans("", "", "() ")


def differences(then: Inventory, now: Inventory, *, same_major: bool = True) -> list[str]:
    """Everything of a backup that is not in the database, or is there in another form; empty when it is whole.

    `same_major`: between major versions of PostgreSQL the texts of views are written differently, so that only their
    presence is compared.
    """
    return [
        *_migrations(then, now),
        *_tables(then.tables, now.tables),
        *_objects(then.objects, now.objects, same_major=same_major),
        *_timescale(then, now),
        *_sequences(then.sequences, now.sequences),
        *_roles(then, now),
        *_ledger(then, now),
    ]


def _migrations(then: Inventory, now: Inventory) -> Iterator[str]:
    for each in then.migrations:
        if each not in now.migrations:
            yield f"migration {each[0]} {each[1]} is not applied with the checksum {each[3][:12]}…"
    for each in now.migrations:
        if each not in then.migrations:
            yield f"migration {each[0]} {each[1]} is applied, but not in the backup"


def _tables(then: Mapping[str, Rows], now: Mapping[str, Rows]) -> Iterator[str]:
    for name, rows in then.items():
        if name not in now:
            yield f"table {name} is missing: it had {rows.rows:,} rows"
        elif now[name].rows != rows.rows:
            yield f"table {name} has {now[name].rows:,} rows, in the backup {rows.rows:,}"
        elif _span(now[name]) != _span(rows):
            yield f"table {name} has rows {_said(now[name])}, in the backup {_said(rows)}"
    for name in now.keys() - then.keys():
        yield f"table {name} is not in the backup: it has {now[name].rows:,} rows"


def _span(rows: Rows) -> tuple[str | None, str | None]:
    return rows.first_at, rows.last_at


def _said(rows: Rows) -> str:
    return f"from {rows.first_at} to {rows.last_at}"


def _objects(then: Mapping[Key, str], now: Mapping[Key, str], *, same_major: bool) -> Iterator[str]:
    for key, definition in then.items():
        kind, on, name = key
        where = f" of {on}" if on else ""
        if key not in now:
            if not (kind == "index" and _is_of_missing_constraint(key, then, now)):
                yield f"{_called(kind, definition)} {name}{where} is missing{_remedy(key, definition)}"
        elif _plain(now[key]) != _plain(definition) and (same_major or kind != "view"):
            yield f"{_called(kind, definition)} {name}{where} differs: now {now[key]!r}, in the backup {definition!r}"


def _plain(definition: str) -> str:
    """Without parentheses and spaces: `(a OR b) OR c` comes back as `a OR b OR c`."""
    return definition.translate(_LAYOUT)


def _is_of_missing_constraint(key: Key, then: Mapping[Key, str], now: Mapping[Key, str]) -> bool:
    """The index of a key goes and comes with it: it is named once."""
    constraint = ("constraint", key[1], key[2].rpartition(".")[2].strip('"'))
    return constraint in then and constraint not in now


def _called(kind: str, definition: str) -> str:
    if kind == "constraint":
        for words in ("PRIMARY KEY", "FOREIGN KEY"):
            if definition.startswith(words):
                return words.lower()
    return kind


def _remedy(key: Key, definition: str) -> str:
    kind, on, name = key
    if kind == "constraint":
        why = f" ({_TWICE})" if definition.startswith(("PRIMARY KEY", "UNIQUE")) else ""
        return f"{why}: ALTER TABLE {on} ADD CONSTRAINT {_quoted(name)} {definition}"
    return f": {definition}" if kind in ("index", "trigger") else ""


def _quoted(name: str) -> str:
    return name if name.isidentifier() and name.islower() else '"' + name.replace('"', '""') + '"'


def _timescale(then: Inventory, now: Inventory) -> Iterator[str]:
    for each in then.timescale:
        if each not in now.timescale:
            same = [found[2] for found in now.timescale if found[:2] == each[:2]]
            yield f"{each[0]} {each[1]} ({each[2]}) is missing" + (f"; there is: {', '.join(same)}" if same else "")


def _sequences(then: Mapping[str, int], now: Mapping[str, int]) -> Iterator[str]:
    for name, value in then.items():
        # A sequence does not keep to a snapshot: the dump may have read it later than the manifest.
        if now.get(name, 0) < value:
            yield f"sequence {name} stands at {now.get(name, 0)}, in the backup at {value}: numbers would come twice"


def _roles(then: Inventory, now: Inventory) -> Iterator[str]:
    found = {each.name: each for each in now.roles}
    for role in then.roles:
        if role.superuser:
            continue
        if role.name not in found:
            yield f"role {role.name} is missing"
            continue
        for group in sorted(set(role.groups) - set(found[role.name].groups)):
            yield f"role {role.name} is not in the group {group}: GRANT {_quoted(group)} TO {_quoted(role.name)}"


def _ledger(then: Inventory, now: Inventory) -> Iterator[str]:
    if then.head and now.head is None:
        yield f"the pilot's ledger is empty, in the backup it has {then.head.number} entries"
    elif then.head and now.head and (then.head.number, then.head.digest) != (now.head.number, now.head.digest):
        yield (
            f"the head of the pilot's ledger is entry {now.head.number} ({now.head.digest[:12]}…), in the backup"
            f" {then.head.number} ({then.head.digest[:12]}…)"
        )
    if now.head and now.head.broken_links:
        yield f"{now.head.broken_links} entries of the pilot's ledger do not carry the digest of the one before"
