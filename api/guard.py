"""What holds for every request before any route: the name asked for, the token, and the headers of the answer."""

import hmac

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Mistake, Problem
from api.settings import ApiSettings, is_loopback

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_OPEN = frozenset({"/healthz"})
"""What answers without a token, beside the page's own files: a liveness probe has none."""


class Guard:
    """Wraps the application: refuses foreign names and missing tokens, adds the security headers."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._loopback = settings.loopback
        self._names = {name.lower() for name in settings.allowed_hosts} | {settings.host.lower()}
        self._token = settings.bearer.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        problem = self._problem(scope)
        if problem is not None:
            await problem.response()(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    def _problem(self, scope: Scope) -> Problem | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if self._loopback and not self._known(host):
            remedy = "call this server by a loopback name, or add the name to allowed_hosts"
            return Problem(421, "This server is not called by that name.", (Mistake.of("Host", host, remedy),))
        if self._token and _guarded(scope["path"]) and not self._authorised(headers.get(b"authorization", b"")):
            mistake = Mistake("Authorization", "", "send the header `Authorization: Bearer <token>`")
            return Problem(401, "A token is needed.", (mistake,), {"WWW-Authenticate": "Bearer"})
        return None

    def _known(self, host: str) -> bool:
        """Whether a Host header names this machine: a foreign page must not reach it by a name of its own."""
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        return is_loopback(name.lower()) or name.lower() in self._names

    def _authorised(self, header: bytes) -> bool:
        scheme, _, token = header.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)


def _guarded(path: str) -> bool:
    return path not in _OPEN and (path.startswith("/api/") or path == "/metrics")
