"""Common steps of every check: name resolution, port, certificate. One finding per step, up to the first error."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from sensor.core.output import Finding, Level, Retry
from sensor.outputs.transport.connect import Place, late_alert, leave, reach, resolve, secure, shown
from sensor.outputs.transport.tls import Tls

EXPIRES_SOON = timedelta(days=14)
SHOWN_LIMIT = 4


def probe(host: str, port: int, tls: Tls | None, timeout_s: float) -> Iterator[Finding]:
    """Findings ``dns``, ``tcp`` and, with ``tls``, ``tls``. Sends only a handshake to the destination."""
    try:
        places = resolve(host, port)
    except Retry as error:
        yield Finding("dns", "error", error.args[0])
        return
    yield Finding("dns", "ok", _named(host, places))
    try:
        connection = reach(places, host, port, timeout_s)
    except Retry as error:
        yield Finding("tcp", "error", error.args[0])
        return
    with connection:
        yield Finding("tcp", "ok", f"{host} port {port} accepts connections")
        if tls is not None:
            made = [connection]
            yield probe_tls(lambda: made.pop() if made else reach(places, host, port, timeout_s), host, tls, timeout_s)


def probe_tls(plain: Callable[[], socket.socket], host: str, tls: Tls, timeout_s: float) -> Finding:
    """The result of a TLS handshake over connections from ``plain`` (which may use STARTTLS first)."""
    try:
        connection = secure(plain, host, tls, timeout_s)
    except Retry as error:
        return Finding("tls", "error", error.args[0])
    level, text = _certificate_finding(connection, host, tls)
    alert = late_alert(connection)
    leave(connection)
    return Finding("tls", "error", f"{host}: {alert}") if alert else Finding("tls", level, text)


def _certificate_finding(connection: ssl.SSLSocket, host: str, tls: Tls) -> tuple[Level, str]:
    certificate = shown(connection)
    text = f"{connection.version()}, {certificate or 'no readable certificate'}"
    if not tls.verify:
        return (
            "warning",
            (
                f"{text}; not verified (tls.verify is false): an on-path attacker can read and change "
                f"everything sent to {host}"
            ),
        )
    if certificate is not None and certificate.end - datetime.now(UTC) < EXPIRES_SOON:
        return "warning", f"{text}; it expires soon, which stops the delivery: renew it"
    return "ok", text


def _named(host: str, places: list[Place]) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        listed = list(dict.fromkeys(str(address[0]) for _, address in places))
        return f"{host} is {', '.join(listed[:SHOWN_LIMIT])}{' and others' if len(listed) > SHOWN_LIMIT else ''}"
    return f"{host} is an address: no lookup needed"
