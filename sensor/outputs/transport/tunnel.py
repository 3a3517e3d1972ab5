"""Connections through a proxy (CONNECT, RFC 9110, 9.3.6): the meaning of refusals, and a tunnel for checks of
certificates.
"""

from __future__ import annotations

import re
import socket

from sensor.core.output import Retry
from sensor.core.reader import clean
from sensor.outputs.transport.connect import connect, reason_of
from sensor.outputs.transport.http_options import Destination, HttpOptions, basic, place_of

REASON_LIMIT, HEAD_LIMIT = 200, 16 * 1024

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ?([^\r\n]*)")
_ADVICE = {
    "403": "it does not allow this host or port: allow it on the proxy",
    "407": "check proxy_user and proxy_password",
    "502": "it cannot reach the host, or does not resolve its name",
    "503": "it cannot reach the host, or does not resolve its name",
    "504": "the host does not answer it",
}


def refusal(code: str, text: str) -> str:
    """Why a proxy refuses a tunnel, with its text."""
    advice = f" ({_ADVICE[code]})" if code in _ADVICE else ""
    return f"the proxy refused the tunnel: {code} {clean(text, REASON_LIMIT)}{advice}"


def login(options: HttpOptions) -> dict[str, str]:
    """The header that authenticates us to a proxy. Raises Retry if the secret is missing."""
    return (
        {"Proxy-Authorization": basic(options.proxy_user, options.proxy_password.reveal())}
        if options.proxy_password is not None
        else {}
    )


def tunnel(options: HttpOptions, place: Destination) -> socket.socket:
    """A connection to a destination through a proxy without TLS. Raises Retry with a plain text."""
    proxy = place_of(options.proxy)
    host = f"[{place.host}]" if ":" in place.host else place.host
    lines = [
        f"CONNECT {host}:{place.port} HTTP/1.1",
        f"Host: {host}:{place.port}",
        *(f"{name}: {value}" for name, value in login(options).items()),
    ]
    connection = connect(proxy.host, proxy.port, None, options.timeout_s)
    try:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        why = _refused(_head(connection), proxy)
    except OSError as error:
        why = f"the proxy at {proxy.shown} refused the tunnel: {reason_of(error)}"
    if why:
        connection.close()
        raise Retry(f"{place.shown}: {why}")
    return connection


def _refused(head: bytes, proxy: Destination) -> str:
    """Why there is no tunnel; empty on success."""
    found = _STATUS.match(head)
    if found is None:
        return f"the proxy at {proxy.shown} did not answer CONNECT like a proxy: check the port in proxy"
    return "" if found[1] == b"200" else refusal(found[1].decode(), found[2].decode("utf-8", "replace"))


def _head(connection: socket.socket) -> bytes:
    """The header of a response, read byte by byte: all that follows belongs to the destination."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n") and len(head) < HEAD_LIMIT and (byte := connection.recv(1)):
        head += byte
    return bytes(head)
