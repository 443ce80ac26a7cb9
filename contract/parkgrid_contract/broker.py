"""Where a broker is and how it is spoken to: `mqtt://host:1883` in the clear, `mqtts://host:8883` over TLS.

Everything that takes a broker's address as one text reads it here, so that `mqtts` means TLS everywhere:

    mqtts://tap@broker.example:8883?ca=ca.crt&cert=tap.crt&key=tap.key
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

PLAIN_PORT, TLS_PORT = 1883, 8883
_FORM = "write mqtt://host:1883, or mqtts://host:8883?ca=ca.crt&cert=own.crt&key=own.key for TLS"
_FILES = ("ca", "cert", "key")


class BrokerAddressError(ValueError):
    """A text is not a broker's address; the message says how to write one."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """One broker: host, port, login, and whether TLS is spoken with which files."""

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    """Certificates that the broker's is checked against; None: those of the system."""
    cert: Path | None = None
    key: Path | None = None

    @property
    def url(self) -> str:
        """The address as one text, with its password; `broker_address` reads it back."""
        login = ":".join(quote(text, safe="") for text in (self.username, self.password) if text is not None)
        host = f"[{self.host}]" if ":" in self.host else self.host
        files = {"ca": self.ca, "cert": self.cert, "key": self.key}
        query = urlencode({name: path.absolute() for name, path in files.items() if path})
        scheme = "mqtts" if self.tls else "mqtt"
        return f"{scheme}://{login}{'@' if login else ''}{host}:{self.port}{'?' if query else ''}{query}"

    def context(self) -> ssl.SSLContext | None:
        """What to wrap the connection in; None where it is in the clear. Raises `OSError` for files of no use."""
        return tls_context(self.ca, self.cert, self.key) if self.tls else None


def broker_address(text: str) -> BrokerAddress:
    """The address that a text states; without a scheme it is `mqtt`. Raises `BrokerAddressError`.

    Files are named after `?`, in percent-encoding where a name has one of `&#%+`.
    """
    parts = urlsplit(text if "://" in text else f"mqtt://{text}")
    tls = parts.scheme == "mqtts"
    try:
        port = parts.port or (TLS_PORT if tls else PLAIN_PORT)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise BrokerAddressError(f"{_shown(text)} is not a broker's address ({error}): {_FORM}") from error
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname or parts.path.strip("/"):
        raise BrokerAddressError(f"{_shown(text)} is not a broker's address: {_FORM}")
    return BrokerAddress(
        parts.hostname,
        port,
        tls,
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        **_files(query, tls, text),
    )


def host_name(text: str) -> str | None:
    """A settings check: what is wrong with a host that stands beside a port of its own, or None."""
    if "://" in text:
        return "must be a name or an address without a scheme: give the port separately, and tls = true for mqtts"
    return None if text.strip() else "must not be empty"


def tls_context(ca: Path | None, cert: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """TLS 1.2 or newer to a broker whose certificate and host name are checked. Raises `OSError` for wrong files.

    `ca` names the certificates that the broker's is checked against (None: the system's); `cert` and `key` are our own.
    A key that is locked with a pass phrase is refused: nobody is there to type it.
    """
    context = _checking(ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert:
        try:
            context.load_cert_chain(cert, key, password=_no_pass_phrase)
        except (OSError, ValueError) as error:
            raise OSError(f"{' and '.join(map(str, filter(None, (cert, key))))}: {_reason(error)}") from error
    return context


def _checking(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise OSError(f"{ca}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _no_pass_phrase() -> str:
    raise ValueError("the key has a pass phrase: write it without one, readable only by the user who runs this")


def _files(query: list[tuple[str, str]], tls: bool, text: str) -> dict[str, Path]:
    named = dict(query)
    unknown = sorted(named.keys() - set(_FILES))
    if unknown or len(named) < len(query) or not all(named.values()):
        problem = f"it has {', '.join(unknown)}" if unknown else "a file is empty or named twice"
        raise BrokerAddressError(f"{_shown(text)}: after ? only ca, cert and key are allowed ({problem}): {_FORM}")
    if named and not tls:
        raise BrokerAddressError(f"{_shown(text)}: certificates need mqtts:// (mqtt:// sends everything in the clear)")
    if ("cert" in named) != ("key" in named):
        raise BrokerAddressError(f"{_shown(text)}: cert and key go together: name both or none")
    return {name: Path(path) for name, path in named.items()}


def _shown(text: str) -> str:
    """The text for a message: whatever may be a login is left out."""
    scheme, separator, rest = text.rpartition("://")
    return repr(f"{scheme}{separator}{rest.rpartition('@')[2]}")
