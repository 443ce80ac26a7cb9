"""Dashboards sent to a running Grafana: data source, folders, dashboards, alert rules; only what differs.

The one file that knows Grafana's interface for programs, through grafana-client.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from parkgrid_contract.extras import extra
from parkgrid_dashboards import alerts, provision
from parkgrid_dashboards.board import Site
from parkgrid_dashboards.words import LANGUAGES

with extra("parkgrid[grafana]"):
    import niquests
    from grafana_client.api import GrafanaApi
    from grafana_client.client import GrafanaClientError, GrafanaException

_ABSENT = 404
_KEPT_BY_GRAFANA = frozenset({"id", "version", "iteration"})
_RULE_FIELDS = (
    *("title", "condition", "data", "noDataState", "execErrState", "isPaused", "labels", "annotations", "for"),
    *("folderUID", "ruleGroup"),
)


class PushError(RuntimeError):
    """Grafana did not take it; the message says what to do."""


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """How Grafana reaches the database."""

    address: str
    """Host and port as Grafana sees them."""
    user: str
    password: str | None = None
    """None: the password that Grafana has stays."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one thing."""

    what: str
    state: str
    """created, updated or unchanged."""

    def __str__(self) -> str:
        """The line."""
        return f"{self.state:9} {self.what}"


def push(
    url: str, credential: str | tuple[str, str], site: Site, access: DatabaseAccess | None = None
) -> Iterator[Change]:
    """Bring Grafana up to date; a second time changes nothing. Raises `PushError`."""
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise PushError(f"{url!r} is not an address of Grafana: give one such as http://127.0.0.1:3000")
    grafana: Any = GrafanaApi.from_url(url, credential)
    try:
        if access:
            yield _source(grafana, access)
        for folder in (*map(provision.folder, LANGUAGES), {"uid": alerts.FOLDER_UID, "title": alerts.FOLDER}):
            yield _folder(grafana, folder)
        for document in provision.documents(site):
            yield _dashboard(grafana, document.content, provision.folder(document.language)["uid"])
        for rule in alerts.RULES:
            yield _rule(grafana, alerts.posted(rule))
    except GrafanaException as error:
        raise PushError(_advice(url, error)) from error
    except (niquests.exceptions.RequestException, OSError) as error:
        raise PushError(f"Grafana at {url} cannot be reached: {error}") from error
    finally:
        grafana.client.s.close()


def _advice(url: str, error: GrafanaException) -> str:
    said = f"Grafana at {url} said {error.status_code}: {error.message}"
    if error.status_code in {401, 403}:
        return f"{said}; give a token of a service account with the role Admin"
    return said


def _source(grafana: Any, access: DatabaseAccess) -> Change:
    wanted = {**provision.source(), "url": access.address, "user": access.user}
    secret = {} if access.password is None else {"secureJsonData": {"password": access.password}}
    known = _found(grafana.datasource.get_datasource_by_uid, wanted["uid"])
    if known is None:
        grafana.datasource.create_datasource({**wanted, **secret})
        return Change("data source parkgrid", "created")
    # What is stored as secret cannot be read back: a password that is given is set each time, and changes nothing else.
    if _covers(known, wanted):
        if secret:
            grafana.datasource.update_datasource_by_uid(wanted["uid"], {**wanted, **secret})
        return Change("data source parkgrid", "unchanged")
    grafana.datasource.update_datasource_by_uid(wanted["uid"], {**wanted, **secret})
    return Change("data source parkgrid", "updated")


def _folder(grafana: Any, wanted: Mapping[str, str]) -> Change:
    what = f"folder {wanted['title']}"
    known = _found(grafana.folder.get_folder, wanted["uid"])
    if known is None:
        grafana.folder.create_folder(wanted["title"], wanted["uid"])
        return Change(what, "created")
    if known["title"] == wanted["title"]:
        return Change(what, "unchanged")
    grafana.folder.update_folder(wanted["uid"], wanted["title"], overwrite=True)
    return Change(what, "updated")


def _dashboard(grafana: Any, content: Mapping[str, Any], folder: str) -> Change:
    what = f"dashboard {content['uid']}"
    known = _found(grafana.dashboard.get_dashboard, content["uid"])
    if known and known["meta"].get("folderUid") == folder and _same(known["dashboard"], content):
        return Change(what, "unchanged")
    # Nobody's edits are kept: the files are the source, and the board is marked as not editable.
    grafana.dashboard.update_dashboard(
        {"dashboard": {**content, "id": None}, "folderUid": folder, "overwrite": True, "message": "parkgrid"}
    )
    return Change(what, "updated" if known else "created")


def _rule(grafana: Any, wanted: Mapping[str, Any]) -> Change:
    what = f"alert rule {wanted['uid']}"
    known = _found(grafana.alertingprovisioning.get_alertrule, wanted["uid"])
    if known is None:
        grafana.alertingprovisioning.create_alertrule(dict(wanted), disable_provenance=True)
        return Change(what, "created")
    if all(_covers(known.get(key), wanted.get(key)) for key in _RULE_FIELDS):
        return Change(what, "unchanged")
    grafana.alertingprovisioning.update_alertrule(wanted["uid"], dict(wanted), disable_provenance=True)
    return Change(what, "updated")


def _same(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(known.get(key) == value for key, value in wanted.items() if key not in _KEPT_BY_GRAFANA)


def _covers(known: Any, wanted: Any) -> bool:
    """Whether everything wanted is there; Grafana adds fields of its own."""
    if isinstance(wanted, Mapping) and isinstance(known, Mapping):
        return all(key in known and _covers(known[key], value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(known, list):
        return len(known) == len(wanted) and all(map(_covers, known, wanted))
    return bool(known == wanted)


def _found(ask: Callable[[str], Any], uid: str) -> Any:
    """What Grafana has under an identifier, or None."""
    try:
        return ask(uid)
    except GrafanaClientError as error:
        if error.status_code == _ABSENT:
            return None
        raise
