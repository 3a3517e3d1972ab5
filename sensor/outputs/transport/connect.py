"""Connections of outputs: name resolution, TCP, TLS. On failure, Retry has the reason and the fix in plain text."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sensor.core.output import Retry
from sensor.core.reader import clean
from sensor.outputs.transport.tls import Tls, context

Place = tuple[socket.AddressFamily, tuple[Any, ...]]

NAME_LIMIT, NAMES_LIMIT = 100, 4
# A TLS 1.3 server may still reject our certificate after the handshake, and reports it only then.
LATE_ALERT_S = 0.3
# Number of unanswered keepalive probes after which a silent connection is dead.
PROBES = 3

_NO_TLS = "it does not use TLS on this port: check the port, or remove tls"
_VERSIONS = "it supports no allowed TLS version: update its software, or lower tls.minimum if it is 1.3"
_OURS_MISSING = "it requests a client certificate: set tls.certificate and tls.key"
_OURS_REFUSED = "it rejects the client certificate: check the CA and the expiry of tls.certificate"
# Parts of OpenSSL's names of errors and alerts.
_REASONS = {
    "CERTIFICATE_REQUIRED": _OURS_MISSING,
    "NO_CERTIFICATE": _OURS_MISSING,
    "PROTOCOL_VERSION": _VERSIONS,
    "UNSUPPORTED_PROTOCOL": _VERSIONS,
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "PACKET_LENGTH_TOO_LONG": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "HANDSHAKE_FAILURE": ("no common cipher, or it requests a client certificate (tls.certificate, tls.key)"),
    "UNRECOGNIZED_NAME": "it does not recognize this server name: set tls.server_name to the name in its certificate",
    "UNKNOWN_CA": _OURS_REFUSED,
    "ALERT_BAD_CERTIFICATE": _OURS_REFUSED,
    "ALERT_CERTIFICATE": _OURS_REFUSED,
    "ALERT_UNSUPPORTED_CERTIFICATE": _OURS_REFUSED,
    "ACCESS_DENIED": _OURS_REFUSED,
}


class CertificateText(NamedTuple):
    """The content of a certificate; all texts come from the peer and are cleaned."""

    subject: str
    issuer: str
    begin: datetime
    end: datetime
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"certificate of {self.subject}, issued by {self.issuer}, valid until {self.end:%Y-%m-%d}"


def connect(host: str, port: int, tls: Tls | None, timeout_s: float) -> socket.socket:
    """A connection with ``timeout_s`` on every wait. Raises Retry with a plain text."""

    def plain() -> socket.socket:
        return reach(resolve(host, port), host, port, timeout_s)

    return secure(plain, host, tls, timeout_s) if tls is not None else plain()


def resolve(host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[Place]:
    """The distinct addresses of a host. The system's resolver has its own timeouts."""
    try:
        found = socket.getaddrinfo(host, port, type=kind)
    except (OSError, UnicodeError) as error:
        unknown = isinstance(error, UnicodeError) or getattr(error, "errno", None) in (
            socket.EAI_NONAME,
            getattr(socket, "EAI_NODATA", None),
        )
        if unknown:
            raise Retry(
                f"the name {host} does not resolve: check the spelling, and the DNS resolvers of this host"
            ) from None
        raise Retry(
            f"the name {host} cannot be looked up now ({reason_of(error)}): check the DNS resolvers of this "
            "host (/etc/resolv.conf)"
        ) from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def reach(places: list[Place], host: str, port: int, timeout_s: float) -> socket.socket:
    """A TCP connection to the first address that responds; all addresses share ``timeout_s``."""
    end, failure = time.monotonic() + timeout_s, OSError()
    for number, (family, address) in enumerate(places):
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.settimeout(max(0.05, (end - time.monotonic()) / (len(places) - number)))
            made.connect(address)
            _detect_loss(made, timeout_s)
            return made
        except OSError as error:
            made.close()
            failure = error
    raise Retry(f"{_unreached(failure, timeout_s)} ({host} port {port})")


def secure(plain: Callable[[], socket.socket], host: str, tls: Tls, timeout_s: float) -> ssl.SSLSocket:
    """TLS over a connection from ``plain``. If the certificate is rejected, a second connection reads it to report the
    reason.
    """
    trusting, name = context(tls), tls.server_name or host
    try:
        return _handshake(plain(), trusting, name)
    except ssl.SSLCertVerificationError as error:
        raise Retry(_unverified(error, name, _seen(plain, name))) from None
    except TimeoutError:
        message = (
            f"accepted the connection, but did not answer the TLS handshake within {timeout_s:g} s: it "
            f"hangs, or {_NO_TLS.removeprefix('it ')}"
        )
        raise Retry(f"{name} {message}") from None
    except OSError as error:
        raise Retry(f"no TLS with {name}: {tls_words(error)}") from None
    except ValueError:
        raise Retry(f"{name} is not a valid name in a certificate: check tls.server_name") from None


def leave(connection: socket.socket) -> None:
    """Close, over TLS with close_notify, which distinguishes an end from a truncation attack (RFC 8446, 6.1). Never
    waits, never raises.
    """
    with contextlib.suppress(OSError, ValueError):
        connection.settimeout(0)
        if isinstance(connection, ssl.SSLSocket):
            connection.unwrap()
    connection.close()


def shown(connection: ssl.SSLSocket) -> CertificateText | None:
    """The certificate of the peer; None if it has none that can be parsed."""
    from cryptography import x509

    try:
        found = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
        names = _alternatives(x509, found)
        return CertificateText(
            _called(found.subject), _called(found.issuer), found.not_valid_before_utc, found.not_valid_after_utc, names
        )
    except ValueError:
        return None


def late_alert(connection: socket.socket) -> str:
    """Why a peer closes a connection that was just made; empty if it does not. Received data is lost."""
    connection.settimeout(LATE_ALERT_S)
    try:
        return (
            ""
            if connection.recv(1)
            else (
                "it closed the connection after the handshake: it may reject the address or the certificate of "
                "this host"
            )
        )
    except TimeoutError:
        return ""
    except OSError as error:
        return tls_words(error)


def tls_words(error: OSError) -> str:
    """Why a handshake failed, with advice."""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ConnectionError):
        return (
            f"it closed the connection in the handshake ({reason_of(error)}): perhaps "
            f"{_NO_TLS.removeprefix('it ')}, or it rejects the address of this host"
        )
    return reason_of(error)


def reason_of(error: BaseException) -> str:
    """The text of an error, limited and clean; for a TLS alert, its meaning."""
    if isinstance(error, ssl.SSLError):
        reason = error.reason or str(error)
        return next(
            (text for part, text in _REASONS.items() if part in reason), clean(reason.replace("_", " ").lower(), 200)
        )
    return clean(str(getattr(error, "strerror", None) or str(error) or type(error).__name__), 200)


def _detect_loss(connection: socket.socket, timeout_s: float) -> None:
    """A vanished peer becomes an error after ``timeout_s``, whether data is in flight or not (RFC 5482)."""
    connection.settimeout(timeout_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    pause_s = max(1, int(timeout_s / PROBES))
    for option, value in (
        ("TCP_USER_TIMEOUT", int(timeout_s * 1000)),
        ("TCP_KEEPIDLE", pause_s),
        ("TCP_KEEPINTVL", pause_s),
        ("TCP_KEEPCNT", PROBES),
    ):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _handshake(plain: socket.socket, trusting: ssl.SSLContext, name: str) -> ssl.SSLSocket:
    held = plain
    try:
        held = made = trusting.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
        made.do_handshake()
    except BaseException:
        held.close()
        raise
    return made


def _seen(plain: Callable[[], socket.socket], name: str) -> CertificateText | None:
    """The certificate of an untrusted peer. Nothing is sent to it."""
    with contextlib.suppress(OSError, Retry), _handshake(plain(), context(Tls(verify=False)), name) as connection:
        return shown(connection)
    return None


def _unreached(error: OSError, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s: the host is off, or a firewall drops the packets"
    if isinstance(error, ConnectionRefusedError):
        return (
            "connection refused: no service listens on this port, or a firewall rejects it; check the "
            "service and the port"
        )
    if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return f"{reason_of(error)}: no route to it, or no host has this address"
    return f"no connection: {reason_of(error)}"


def _unverified(error: ssl.SSLCertVerificationError, name: str, seen: CertificateText | None) -> str:
    """Why a certificate is rejected, by OpenSSL's error number."""
    code, now = error.verify_code, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    if seen is None:
        return f"the certificate of {name} was rejected: {clean(error.verify_message, 200)}"
    if code == 10:
        return (
            f"the certificate of {name} expired on {seen.end:%Y-%m-%d %H:%M} UTC ({seen}): renew it; the "
            f"clock of this host shows {now}"
        )
    if code == 9:
        return (
            f"the certificate of {name} is valid only from {seen.begin:%Y-%m-%d %H:%M} UTC on ({seen}): "
            f"check both clocks; the clock of this host shows {now}"
        )
    if code == 18:
        return (
            f"the certificate of {name} is self-signed ({seen}): if this is intended, save it in a file and "
            "set tls.ca to it"
        )
    if code in (19, 20, 21):
        return (
            f"the certificate of {name} comes from {seen.issuer}, which is not a trusted CA ({seen}): set "
            "tls.ca to the certificate file of that CA"
        )
    if code in (62, 64):
        names = ", ".join(seen.names[:NAMES_LIMIT]) or seen.subject
        return (
            f"the certificate is for {names}, not for {name} ({seen}): connect to one of its names, or set "
            "tls.server_name"
        )
    return f"the certificate of {name} was rejected: {clean(error.verify_message, 200)} ({seen})"


def _called(name: Any) -> str:
    """The common name, or the whole name."""
    from cryptography.x509.oid import NameOID

    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return clean(str(common[0].value) if common else name.rfc4514_string(), NAME_LIMIT) or "nobody"


def _alternatives(x509: Any, certificate: Any) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(
        clean(str(each.value), NAME_LIMIT)
        for each in found
        if isinstance(each.value, str | ipaddress.IPv4Address | ipaddress.IPv6Address)
    )
