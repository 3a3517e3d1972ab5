"""Connections of outputs over HTTP: urllib3 with a limit on each whole response, and its errors in plain text without
the URL, which may be a secret.
"""

from __future__ import annotations

import io
import logging
import re
import ssl
import time
from http.client import HTTPResponse
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from sensor.core.reader import clean
from sensor.outputs.transport.connect import tls_words
from sensor.outputs.transport.http_options import HttpOptions
from sensor.outputs.transport.tls import context
from sensor.outputs.transport.tunnel import login, refusal

REASON_LIMIT = 200
COOKIES_LIMIT = 4096

_ENDS = {
    "RemoteDisconnected": "closed without an answer",
    "IncompleteRead": "the answer was truncated",
    "BadStatusLine": "the answer is not HTTP",
    "SSLEOFError": "closed without a TLS alert, during or after the handshake",
}
# The standard library's error for a proxy that refuses a tunnel.
_NO_TUNNEL = re.compile(r"Tunnel connection failed: (\d+) ?(.*)", re.DOTALL)

# It would log whole URLs.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


def pools(options: HttpOptions) -> urllib3.PoolManager:
    """Raises Retry with the path of a TLS file that cannot be used. Without such a file, and without a proxy, nothing
    of TLS is read until a connection needs it.
    """
    shared: dict[str, Any] = {"maxsize": 1, "server_hostname": options.tls.server_name or None}
    if options.tls.ca or options.tls.certificate or options.proxy:
        shared["ssl_context"] = context(options.tls)
    if options.proxy:
        made: urllib3.PoolManager = urllib3.ProxyManager(
            options.proxy, proxy_headers=login(options) or None, proxy_ssl_context=shared["ssl_context"], **shared
        )
    else:
        made = urllib3.PoolManager(**shared)

    class Secured(_SecuredPool):
        def __init__(self, *place: Any, **more: Any) -> None:
            more["ssl_context"] = more.get("ssl_context") or context(options.tls)
            super().__init__(*place, **more)

    made.pool_classes_by_scheme = {"http": _PlainPool, "https": Secured}
    return made


def read(response: urllib3.BaseHTTPResponse, limit: int) -> bytes:
    """The body, up to a limit; a connection with unread data is not reused."""
    found = bytearray()
    while len(found) < limit and (more := response.read(limit - len(found))):
        found += more
    return bytes(found)


def cookies(response: urllib3.BaseHTTPResponse) -> str:
    pairs = (cookie.partition(";")[0].strip() for cookie in response.headers.getlist("Set-Cookie"))
    return "; ".join(pair for pair in pairs if "=" in pair and pair.isascii() and pair.isprintable())[:COOKIES_LIMIT]


def failed(error: Exception, timeout_s: float) -> str:
    """Why there is no response, as text without the URL."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = (
            cause.__cause__
            or cause.__context__
            or next((arg for arg in cause.args if isinstance(arg, BaseException)), None)
        )
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"its certificate was rejected: {clean(cause.verify_message, REASON_LIMIT)}; `sensor outputs "
            "check` shows more"
        )
    if cause is not None and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return f"TLS: {tls_words(cause)}"
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return f"no connection within {timeout_s:g} s"
    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        return f"no complete answer within {timeout_s:g} s"
    if isinstance(error, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ProxyError):
        return _no_tunnel(error) or f"no connection: {_root(error)}"
    return f"the connection was lost: {_root(error)}"


def _no_tunnel(error: BaseException) -> str:
    """The response of a proxy that refuses a tunnel; empty for other errors."""
    found = _NO_TUNNEL.fullmatch(str(_lowest(error)))
    return refusal(found[1], found[2]) if found is not None else ""


def _root(error: BaseException) -> str:
    """The text of the system's error, which the library wraps in errors with the URL."""
    error = _lowest(error)
    return clean(
        _ENDS.get(type(error).__name__) or getattr(error, "strerror", None) or type(error).__name__, REASON_LIMIT
    )


def _lowest(error: BaseException) -> BaseException:
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return error


class _TimedResponse(io.RawIOBase):
    """A response whose total time is limited to the timeout of a single read: a peer could send a byte a second
    forever.
    """

    def __init__(self, stream: Any, connection: Any) -> None:
        self._stream, self._connection = stream, connection
        self._end = time.monotonic() + connection.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        # urllib3 resets it for the next request.
        self._connection.settimeout(left)
        size: int | None = self._stream.readinto(buffer)
        return size

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Answer(HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_TimedResponse(self.fp.detach(), sock))


class _Plain(HTTPConnection):
    response_class = _Answer


class _Secured(HTTPSConnection):
    response_class = _Answer

    def connect(self) -> None:
        super().connect()
        # The check already warns about disabled verification; urllib3 would warn with every request.
        self.is_verified = True


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecuredPool(HTTPSConnectionPool):
    ConnectionCls = _Secured
