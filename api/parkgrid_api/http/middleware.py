"""What holds for every request before any route: the name asked for, the token, and the headers of the answer."""

import hmac

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parkgrid_api.http.connections import address_of
from parkgrid_api.http.language import spoken, told
from parkgrid_api.http.problems import Mistake, Problem
from parkgrid_api.http.turns import ADDRESS
from parkgrid_api.settings import ApiSettings, is_loopback

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


_ONCE = (b"host", b"authorization", b"content-length")
"""Headers that mean something else to a proxy than to us when they come twice."""


class AccessMiddleware:
    """Wraps the application: takes off the base path, refuses foreign names and missing tokens, adds headers."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._loopback = settings.loopback
        self._names = {name.lower() for name in settings.allowed_hosts} | {settings.host.lower()}
        self._token = settings.bearer.encode()
        self._base_path = settings.base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        ADDRESS.set(address_of((scope.get("client") or ("",))[0]))
        with spoken(scope["headers"]):
            await self._judge(self._moved(scope), receive, send)

    async def _judge(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        problem = self._problem(scope)
        if problem is not None:
            await problem.response()(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    def _moved(self, scope: Scope) -> Scope:
        """The request as if the base path were not there: a proxy may have taken it off, or not."""
        base = self._base_path
        if not base or not f"{scope['path']}/".startswith(f"{base}/"):
            return scope
        raw = scope.get("raw_path") or scope["path"].encode()
        return {**scope, "path": scope["path"][len(base) :], "raw_path": raw.removeprefix(base.encode())}

    def _problem(self, scope: Scope) -> Problem | None:
        names = [name for name, _ in scope["headers"]]
        twice = next((name.decode() for name in _ONCE if names.count(name) > 1), None)
        if twice is not None:
            return _more_than_once(twice, names.count(twice.encode()))
        if not scope["path"]:
            return _elsewhere(f"{self._base_path}/")
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if self._loopback and not self._known(host):
            return _foreign(host)
        if self._token and _guarded(scope["path"]) and not self._authorised(headers.get(b"authorization", b"")):
            return _no_token()
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


def _more_than_once(name: str, count: int) -> Problem:
    mistake = Mistake(name, f"{count} times", told("send it once", "该请求头只能出现一次"))
    return Problem(400, told("A header came more than once.", "请求头重复。"), (mistake,), {"Connection": "close"})


def _elsewhere(path: str) -> Problem:
    remedy = told("the address of the page ends in a slash", "页面地址以斜杠结尾")
    mistake = Mistake("address", "", remedy)
    return Problem(308, told("The page has another address.", "页面在另一地址。"), (mistake,), {"Location": path})


def _foreign(host: str) -> Problem:
    remedy = told(
        "call this server by a loopback name, or add the name to allowed_hosts",
        "请用本机名称（如 localhost）访问，或把该名称加入 allowed_hosts",
    )
    title = told("This server does not accept this host name.", "本服务器不使用该名称。")
    return Problem(421, title, (Mistake.of("Host", host, remedy),))


def _no_token() -> Problem:
    remedy = told("send the header `Authorization: Bearer <token>`", "请发送请求头 `Authorization: Bearer <令牌>`")
    mistake = Mistake("Authorization", "", remedy)
    return Problem(401, told("A token is needed.", "需要令牌。"), (mistake,), {"WWW-Authenticate": "Bearer"})
