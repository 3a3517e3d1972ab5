"""Options shared by all outputs over HTTP: URL, credentials, proxy, compression."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

from sensor.core.model import Check
from sensor.core.output import Options, Retry
from sensor.outputs.transport.secrets import WAYS, Secret
from sensor.outputs.transport.tls import Tls

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

Packing = Literal["none", "gzip", "zstd"]
PORTS = {"http": 80, "https": 443}

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# Their values are secrets, or would contradict what the output sends.
_NOT_IN_THE_CLEAR = ("authorization", "cookie", "proxy-authorization")
_OURS = ("connection", "content-encoding", "content-length", "host", "transfer-encoding")


class Destination(NamedTuple):
    """Destination of requests: the whole URL (which may be a secret), and the parts of it that may be shown."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def shown(self) -> str:
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


class Url:
    """A URL in plain text, or a secret with one: the URL of a chat room is all that is needed to write to it.
    ``secret``: its reference, which is also its text form; None for plain text.
    """

    __slots__ = ("_text", "secret")

    def __init__(self, text: Any) -> None:
        """Raises ValueError if the text is neither."""
        if not isinstance(text, str):
            raise ValueError("expected a URL")
        self._text = str(text)
        self.secret = Secret(text) if text.partition(":")[0] in ("env", "file", "credential") else None
        if self.secret is None:
            try:
                _parts(text)
            except ValueError as error:
                raise ValueError(f"{error}, or a secret that contains one ({', '.join(WAYS)})") from None

    def reveal(self) -> str:
        """Raises Retry with the reference if the secret is missing, empty or unreadable."""
        return self._text if self.secret is None else self.secret.reveal()

    def __str__(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(self._text)

    __repr__ = __str__

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(cls, serialization=core_schema.to_string_ser_schema())


def _plain_url(text: str) -> str:
    if text:
        _parts(text)
    return text


def _header_name(name: str) -> str:
    if not _TOKEN.fullmatch(name) or name.lower() in _OURS:
        raise ValueError(f"{name!r} is not an allowed header")
    return name


def _header_value(value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise ValueError("the value of a header is printable ASCII")
    return value


PlainUrl = Annotated[str, Check(_plain_url)]
HeaderName = Annotated[str, Check(_header_name)]
HeaderValue = Annotated[str, Check(_header_value)]


class HttpOptions(Options):
    """``url``: URL, or a reference to a secret that contains it; ``headers``: additional headers; ``secret_headers``:
    additional headers with secret values; ``user`` and ``password``, or ``token`` (Bearer): the login; ``proxy``:
    proxy, ``http://host:port``; ``proxy_user``, ``proxy_password``: login at the proxy; ``packing``: compression of
    bodies; ``tls``: TLS to the destination, and to an ``https`` proxy.
    """

    url: Url
    headers: dict[HeaderName, HeaderValue] = {}
    secret_headers: dict[HeaderName, Secret] = {}
    user: HeaderValue = ""
    password: Secret | None = None
    token: Secret | None = None
    proxy: PlainUrl = ""
    proxy_user: HeaderValue = ""
    proxy_password: Secret | None = None
    packing: Packing = "gzip"
    tls: Tls = Tls()

    def check_whole(self, context: Any) -> None:
        super().check_whole(context)
        if self.token is not None and self.user:
            raise ValueError("found both token and user, expected one of them")
        if (self.password is None) != (not self.user):
            raise ValueError("expected both user and password")
        if (self.proxy_password is None) != (not self.proxy_user) or (self.proxy_user and not self.proxy):
            raise ValueError("expected proxy, proxy_user and proxy_password together")
        clear = next((name for name in self.headers if name.lower() in _NOT_IN_THE_CLEAR), None)
        if clear is not None:
            raise ValueError(f"the header {clear} is a secret: use token, user with password, or secret_headers")

    def place(self) -> Destination:
        """The destination. Raises Retry if a secret has no URL."""
        try:
            return place_of(self.url.reveal())
        except ValueError as error:
            raise Retry(f"the secret {self.url}: {error}") from None

    def greeting(self) -> dict[str, str]:
        """The authentication headers of every request."""
        made = dict(self.headers) | {
            name: _sendable(value, value.reveal()) for name, value in self.secret_headers.items()
        }
        if self.token is not None:
            made["Authorization"] = f"Bearer {_sendable(self.token, self.token.reveal())}"
        if self.password is not None:
            made["Authorization"] = basic(self.user, self.password.reveal())
        return made


def place_of(url: str) -> Destination:
    """The destination of a URL. Raises ValueError, which does not contain it, if requests cannot use it."""
    parts = _parts(url)
    return Destination(url, parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme])


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        fine = (
            parts.scheme in PORTS
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
            and url.isprintable()
            and " " not in url
        )
    except ValueError:
        fine = False
    if not fine:
        raise ValueError("expected a URL such as https://siem.example.org/events")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL without user and password: they have separate keys")
    return parts


def _sendable(place: Secret, value: str) -> str:
    """A secret as a header value; errors do not contain it."""
    if not value.isascii() or not value.isprintable():
        raise Retry(
            f"the secret {place} is not a valid header: it contains line ends or other characters outside "
            "printable ASCII"
        )
    return value
