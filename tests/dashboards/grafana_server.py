"""A server that keeps what Grafana's documented interface keeps, over real HTTP: no Grafana can be installed here.

Endpoints and answers as in Grafana 11.6's HTTP API: data sources, folders, dashboards, alert provisioning.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "glsa_test"  # noqa: S105 - the login of a server that lives for one test


class Grafana(ThreadingHTTPServer):
    """What it keeps, and every change that it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sources: dict[str, dict[str, Any]] = {}
        self.folders: dict[str, dict[str, Any]] = {}
        self.boards: dict[str, dict[str, Any]] = {}
        self.rules: dict[str, dict[str, Any]] = {}
        self.writes: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def running() -> Iterator[Grafana]:
    server = Grafana()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Grafana
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        match self.path.removeprefix("/api").split("/")[1:]:
            case ["datasources", "uid", uid]:
                self._answer(self.server.sources.get(uid))
            case ["folders", uid]:
                self._answer(self.server.folders.get(uid))
            case ["dashboards", "uid", uid]:
                self._answer(self.server.boards.get(uid))
            case ["v1", "provisioning", "alert-rules", uid]:
                self._answer(self.server.rules.get(uid))
            case _:
                self._answer(None)

    def do_POST(self) -> None:
        body = self._body()
        match self.path.removeprefix("/api").split("/")[1:]:
            case ["datasources"]:
                self._source(body["uid"], body)
            case ["folders"]:
                if body["uid"] in self.server.folders:
                    self._answer({"message": "a folder with the same uid already exists"}, 412)
                    return
                self.server.folders[body["uid"]] = {"id": 1, "version": 1, **body}
                self._answer(self.server.folders[body["uid"]])
            case ["dashboards", "db"]:
                self._board(body)
            case ["v1", "provisioning", "alert-rules"]:
                self._rule(body, 201)
            case _:
                self._answer(None)

    def do_PUT(self) -> None:
        body = self._body()
        match self.path.removeprefix("/api").split("/")[1:]:
            case ["datasources", "uid", uid]:
                self._source(uid, body)
            case ["folders", uid]:
                self.server.folders[uid]["title"] = body["title"]
                self._answer(self.server.folders[uid])
            case ["v1", "provisioning", "alert-rules", uid] if uid in self.server.rules:
                self._rule(body, 200)
            case _:
                self._answer(None)

    def _source(self, uid: str, body: dict[str, Any]) -> None:
        # A secret is kept and never told again.
        secret = body.pop("secureJsonData", {})
        kept = {**self.server.sources.get(uid, {}).get("secureJsonFields", {}), **dict.fromkeys(secret, True)}
        self.server.sources[uid] = {"id": 1, "orgId": 1, "readOnly": False, **body, "secureJsonFields": kept}
        self._answer({"datasource": self.server.sources[uid], "message": "ok"})

    def _board(self, body: dict[str, Any]) -> None:
        content = body["dashboard"]
        if body["folderUid"] not in self.server.folders:
            self._answer({"message": "folder not found"}, 400)
            return
        version = self.server.boards.get(content["uid"], {"dashboard": {"version": 0}})["dashboard"]["version"] + 1
        kept = {**content, "id": len(self.server.boards) + 1, "version": version}
        self.server.boards[content["uid"]] = {"meta": {"folderUid": body["folderUid"]}, "dashboard": kept}
        self._answer({"uid": content["uid"], "status": "success", "version": version})

    def _rule(self, body: dict[str, Any], status: int) -> None:
        if body["folderUID"] not in self.server.folders:
            self._answer({"message": "folder does not exist"}, 400)
            return
        self.server.rules[body["uid"]] = {**body, "id": 1, "updated": "2026-06-22T12:00:00Z", "provenance": ""}
        self._answer(self.server.rules[body["uid"]], status)

    def _body(self) -> Any:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.writes.append((self.command, self.path))
        return content

    def _answer(self, content: Any, status: int = 200) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            content, status = {"message": "Invalid API key"}, 401
        elif content is None:
            content, status = {"message": "not found"}, 404
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
