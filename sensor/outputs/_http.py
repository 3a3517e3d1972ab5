"""What all outputs over HTTP share: one client with limits on every wait, on the whole of an answer and on its size; and what an answer means.

Bodies of answers are the destination's words: cut, cleaned, never believed. URLs may be secrets: messages show the host alone.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import logging
import ssl
import time
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from types import TracebackType
from typing import Any, NamedTuple, Self

import urllib3
import zstandard
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from sensor.core.output import Finding, Refuse, Retry
from sensor.core.reader import clean
from sensor.outputs._connect import connect, tls_words
from sensor.outputs._http_options import HttpOptions, Packing, Place, basic, place_of
from sensor.outputs._probe import probe
from sensor.outputs._tls import context

AGENT = "passive-network-sensor"
JSON_FORMATS = ("native", "ecs", "ocsf", "device_info")
SAID_LIMIT = 200
ANSWER_LIMIT = 64 * 1024
COOKIES_LIMIT = 4096
RETRY_AFTER_LIMIT_S = 3600.0
REFUSED = (400, 413, 422)

# It would print whole URLs.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class Answer(NamedTuple):
    """``where``: who answered, as it may be shown; ``body``: as much of it as was asked for; ``cookies``: as they would be sent back."""

    where: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: str = ""

    @property
    def said(self) -> str:
        """Status and words, on one line."""
        words = clean(self.body[: SAID_LIMIT * 4], SAID_LIMIT)
        return f"{self.where} answered {self.status} {_phrase(self.status)}".rstrip() + (f": {words}" if words else "")

    @property
    def after_s(self) -> float | None:
        """Retry-After, in seconds or as a date."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), RETRY_AFTER_LIMIT_S)
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), RETRY_AFTER_LIMIT_S)


class Client:
    """Requests to one destination over a connection that is kept. ``timeout_s`` is the longest that it takes to connect, to
    write a request and to read its answer, each in all: not only the longest silence.
    """

    def __init__(self, options: HttpOptions) -> None:
        """Reads the secrets, opens nothing."""
        self.place = options.place()
        self._greeting = options.greeting()
        self._timeout_s, self._packing = options.timeout_s, options.packing
        self._pools = _pools(options)

    def ask(self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None, *, limit: int = ANSWER_LIMIT) -> Answer:
        """One request and its answer, whatever it says. Retry where there is none, or not all of it: then it is not known what became of the request."""
        where = place_of(url).shown
        # Who we are is for the destination alone, not for where one logs in to it.
        sent = {"User-Agent": AGENT, **(self._greeting if where == self.place.shown else {}), **(headers or {})}
        try:
            response = self._pools.urlopen(
                method,
                url,
                body=body or None,
                headers=sent,
                timeout=self._timeout_s,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            with contextlib.closing(response):
                told = {name.lower(): value for name, value in response.headers.items()}
                return Answer(where, response.status, told, _read(response, limit), _cookies(response))
        except (urllib3.exceptions.HTTPError, HTTPException, OSError) as error:
            raise Retry(f"{where}: {_failed(error, self._timeout_s)}") from None

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, limit: int = ANSWER_LIMIT) -> Answer:
        """A body of ours, packed."""
        packed, encoding = packed_body(body, self._packing)
        return self.ask("POST", url, packed, {**headers, **encoding}, limit=limit)

    def close(self) -> None:
        for key in self._pools.pools.keys():  # noqa: SIM118 - the container cannot be iterated otherwise
            if (pool := self._pools.pools.get(key)) is not None:
                pool.close()
        self._pools.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


# What an answer means.


def judge(answer: Answer) -> None:
    """Nothing where it took everything. Refuse where it will never take it; Retry for all else: who may write where, and how much, can be mended."""
    if 200 <= answer.status < 300:
        return
    if answer.status in REFUSED:
        raise Refuse(answer.said)
    hint = " (redirects are not followed: name the address where it goes as url)" if 300 <= answer.status < 400 else ""
    raise Retry(answer.said + hint, answer.after_s)


def packed_body(body: bytes, packing: Packing) -> tuple[bytes, dict[str, str]]:
    """A body as it goes over the wire, and the header that says how it is packed. Fast rather than small: lines of JSON shrink to a tenth either way."""
    if not body:
        return body, {}
    if packing == "gzip":
        return gzip.compress(body, 1, mtime=0), {"Content-Encoding": "gzip"}
    if packing == "zstd":
        return zstandard.ZstdCompressor(level=1).compress(body), {"Content-Encoding": "zstd"}
    return body, {}


# Before anything is sent.


def open_client(options: HttpOptions) -> Client:
    """A client whose destination, or the proxy before it, takes connections. Retry in plain words where not."""
    client = Client(options)
    connect(*_first(options, client.place), options.timeout_s).close()
    return client


def reached(options: HttpOptions) -> Generator[Finding, None, bool]:
    """The findings every check begins with; true where one may go on."""
    try:
        first = _first(options, options.place())
    except Retry as error:
        yield Finding("secret", "error", str(error))
        return False
    for finding in probe(*first, options.timeout_s):
        yield finding
        if finding.level == "error":
            return False
    return True


def looked(what: str, look: Callable[[], Finding]) -> Finding:
    """A finding of a step that may find nobody, or a secret that is missing."""
    try:
        return look()
    except (Retry, Refuse) as error:
        return Finding(what, "error", str(error))


def _first(options: HttpOptions, place: Place) -> tuple[str, int, Any]:
    """Whom we connect to."""
    first = place_of(options.proxy) if options.proxy else place
    return first.host, first.port, options.tls if first.scheme == "https" else None


# Connections.


class _Hurried(io.RawIOBase):
    """An answer as it comes in, all of which has as much time as each wait of urllib3 has by itself: a peer may send a byte a second for ever."""

    def __init__(self, stream: Any, connection: Any) -> None:
        self._stream, self._connection = stream, connection
        self._end = time.monotonic() + connection.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        size: int | None = self._stream.readinto(buffer)
        return size

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Answer(HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Hurried(self.fp.detach(), sock))


class _Plain(HTTPConnection):
    response_class = _Answer


class _Secured(HTTPSConnection):
    response_class = _Answer

    def connect(self) -> None:
        super().connect()
        # Where nobody is verified the check says so; urllib3 would warn with every request.
        self.is_verified = True


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecuredPool(HTTPSConnectionPool):
    ConnectionCls = _Secured


def _pools(options: HttpOptions) -> urllib3.PoolManager:
    trusting = context(options.tls)
    shared: dict[str, Any] = {"maxsize": 1, "ssl_context": trusting, "server_hostname": options.tls.server_name or None}
    if options.proxy:
        login = basic(options.proxy_user, options.proxy_password.reveal()) if options.proxy_password is not None else ""
        greeting = {"Proxy-Authorization": login} if login else None
        made: urllib3.PoolManager = urllib3.ProxyManager(options.proxy, proxy_headers=greeting, proxy_ssl_context=trusting, **shared)
    else:
        made = urllib3.PoolManager(**shared)
    made.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecuredPool}
    return made


def _read(response: urllib3.BaseHTTPResponse, limit: int) -> bytes:
    """The body, up to a limit; a connection with more to come is not used again."""
    found = bytearray()
    while len(found) < limit and (more := response.read(limit - len(found))):
        found += more
    return bytes(found)


def _cookies(response: urllib3.BaseHTTPResponse) -> str:
    pairs = (cookie.partition(";")[0].strip() for cookie in response.headers.getlist("Set-Cookie"))
    return "; ".join(pair for pair in pairs if "=" in pair and pair.isascii() and pair.isprintable())[:COOKIES_LIMIT]


def _failed(error: Exception, timeout_s: float) -> str:
    """Why there is no answer, in words without the URL."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__ or next((arg for arg in cause.args if isinstance(arg, BaseException)), None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {clean(cause.verify_message, SAID_LIMIT)}; `sensor outputs check` says more"
    if cause is not None:
        return f"TLS: {tls_words(cause)}"
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return f"no connection within {timeout_s:g} s"
    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        return f"no whole answer within {timeout_s:g} s"
    if isinstance(error, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ProxyError):
        return f"no connection: {_root(error)}"
    return f"the connection was lost: {_root(error)}"


def _root(error: BaseException) -> str:
    """The words of the system's error below those of the library, which name the URL."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return clean(getattr(error, "strerror", None) or type(error).__name__, SAID_LIMIT)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
