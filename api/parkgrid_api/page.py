"""The built page: an allow-list of files, read once at the start and served from memory."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from parkgrid_api.http.language import told
from parkgrid_api.http.problems import not_found

DIST = Path(__file__).parent / "web" / "dist"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
_NOT_BUILT = (
    "The page is not built, the API under /api/v1 works.\n"
    "Build it with `uv sync --reinstall-package parkgrid` in the source tree, without PARKGRID_SKIP_WEB_BUILD.\n"
)


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    packed: bytes
    media_type: str
    etag: str
    cache: str

    @classmethod
    def of(cls, path: Path, *, named_by_content: bool) -> "_File":
        body = path.read_bytes()
        cache = "public, max-age=31536000, immutable" if named_by_content else "no-cache"
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        return cls(body, gzip.compress(body, 9, mtime=0), _TYPES[path.suffix], etag, cache)


class Page:
    """The files of a build by address; `/` is `index.html`."""

    def __init__(self, dist: Path = DIST) -> None:
        self._files: dict[str, _File] = {}
        for path in sorted(dist.rglob("*")) if (dist / "index.html").is_file() else ():
            if path.is_file() and not path.is_symlink() and path.suffix in _TYPES:
                name = path.relative_to(dist).as_posix()
                self._files[name] = _File.of(path, named_by_content=name.startswith("assets/"))
        if "index.html" in self._files:
            self._files[""] = self._files["index.html"]

    @property
    def built(self) -> bool:
        """Whether there is a page to serve."""
        return bool(self._files)

    def respond(self, request: Request, name: str) -> Response:
        """The file of that name; 304 when the browser has it, a 404 for anything not in the build."""
        file = self._files.get(name)
        if file is None:
            if not self.built and name in {"", "index.html"}:
                return PlainTextResponse(_NOT_BUILT, 503, {"Cache-Control": "no-store"})
            remedy = told("the page is at /, the API under /api/v1", "页面在 /，接口在 /api/v1 下")
            raise not_found("page", f"/{name}", remedy)
        headers = {"ETag": file.etag, "Cache-Control": file.cache, "Vary": "Accept-Encoding"}
        if file.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", "") and len(file.packed) < len(file.body):
            return Response(file.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=file.media_type)
        return Response(file.body, headers=headers, media_type=file.media_type)
