"""Everything that Grafana reads at its start, as files: data source, folders, dashboards, alert rules.

The same input gives the same bytes: nothing in them depends on when or where they are written.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from parkgrid_dashboards import alerts
from parkgrid_dashboards.board import Site, build
from parkgrid_dashboards.boards import BOARDS
from parkgrid_dashboards.check.finding import Document
from parkgrid_dashboards.panels import SOURCE
from parkgrid_dashboards.words import LANGUAGES, TITLES

COMMITTED = Path(__file__).parent / "provisioning"
"""What is committed and what docker-compose mounts."""
MOUNTED = "/etc/grafana/provisioning/dashboards"
"""Where Grafana's container finds the dashboards."""


def documents(site: Site) -> list[Document]:
    """Every dashboard in every language."""
    return [
        Document(board.name, language, _tidied(json.loads(_text(build(board, language, site)))))
        for board in BOARDS
        for language in LANGUAGES
    ]


def folder(language: str) -> dict[str, str]:
    """Number and title of the folder of a language."""
    return {"uid": f"parkgrid-{language}", "title": TITLES[language]}


def source() -> dict[str, Any]:
    """The data source: the public views, through a login that can do nothing but read them."""
    return {
        "name": "parkgrid",
        "uid": SOURCE.uid,
        "type": SOURCE.type_val,
        "access": "proxy",
        "isDefault": True,
        "jsonData": {
            "database": "parkgrid",
            "sslmode": "disable",
            "postgresVersion": 1700,
            # Queries run on every store: no function of TimescaleDB is asked for.
            "timescaledb": False,
            "maxOpenConns": 10,
        },
    }


def files(site: Site) -> Iterator[tuple[str, str]]:
    """Path and content of every file."""
    for document in documents(site):
        yield f"dashboards/{document.language}/{document.name}.json", _text(document.content)
    yield "dashboards/parkgrid.yaml", _yaml(_providers(), "dashboards of each language in a folder of its own")
    yield (
        "datasources/parkgrid.yaml",
        _yaml(_sources(), "the database as Grafana sees it; values come from the environment"),
    )
    yield "alerting/parkgrid.yaml", _yaml(alerts.provisioned(), "what wakes somebody")


def write(out: Path, site: Site) -> list[Path]:
    """Write every file; those of former builds that no longer are go."""
    wanted = dict(files(site))
    for old in (*out.glob("dashboards/**/*.json"),):
        if old.relative_to(out).as_posix() not in wanted:
            old.unlink()
    written = []
    for name, text in sorted(wanted.items()):
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        written.append(path)
    return written


def _tidied(content: dict[str, Any]) -> dict[str, Any]:
    """Without what the builders add to every variable and table and later Grafanas no longer know."""
    for variable in content.get("templating", {}).get("list", []):
        for key in [key for key in variable if key.startswith("auto")]:
            del variable[key]
    for panel in content["panels"]:
        if panel["type"] == "table":
            panel.get("options", {}).pop("footer", None)
    return content


def _providers() -> Mapping[str, Any]:
    providers = [
        {
            "name": f"parkgrid-{language}",
            "folder": folder(language)["title"],
            "folderUid": folder(language)["uid"],
            "type": "file",
            "disableDeletion": True,
            "allowUiUpdates": False,
            "options": {"path": f"{MOUNTED}/{language}"},
        }
        for language in LANGUAGES
    ]
    return {"apiVersion": 1, "providers": providers}


def _sources() -> Mapping[str, Any]:
    known = {
        **source(),
        "url": "${PARKGRID_GRAFANA_DB_HOST}:5432",
        "user": "${PARKGRID_GRAFANA_DB_USER}",
        "editable": False,
        "secureJsonData": {"password": "${PARKGRID_GRAFANA_DB_PASSWORD}"},
    }
    return {"apiVersion": 1, "datasources": [known]}


def _text(content: Any) -> str:
    return JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False).encode(content) + "\n"


def _yaml(content: Mapping[str, Any], about: str) -> str:
    """JSON is YAML, and needs no library; a comment says where it comes from."""
    text = json.dumps(content, ensure_ascii=False, indent=2)
    return f"# Written by `parkgrid dashboards build`: {about}.\n{text}\n"
