"""Where the console listens: on loopback or a unix socket; on other addresses only with TLS."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import ssl
import stat
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

PORT = 8765
UNIX = "unix:"
# Names that browsers may use for a console on loopback. Other names that resolve to it are rejected (DNS rebinding).
LOCAL_NAMES = frozenset(("localhost", "127.0.0.1", "[::1]"))


class BadPlace(ValueError):
    """The console cannot listen there; the text has what was found and what was expected."""


class ListenAddress(NamedTuple):
    """``host`` and ``port``, or ``path`` of a unix socket; ``cert`` and ``key`` for TLS; ``public``: URL
    for browsers.
    """

    host: str
    port: int
    path: str
    cert: Path | None
    key: Path | None
    public: str

    @property
    def secure(self) -> bool:
        """Whether browsers connect with HTTPS."""
        return self.public.startswith("https:")

    @property
    def names(self) -> frozenset[str]:
        """Host names that requests may have, without ports. On all addresses, only the public name is accepted."""
        name = urlsplit(self.public).hostname or ""
        own = {f"[{name}]" if ":" in name else name, f"[{self.host}]" if ":" in self.host else self.host} - {""}
        return LOCAL_NAMES | own


def place_of(listen: str, cert: Path | None = None, key: Path | None = None, public: str = "") -> ListenAddress:
    """Parse a listening address: ``127.0.0.1:8765``, ``[::1]:8765``, ``unix:/run/console.sock``. Raises BadPlace."""
    _check_public(public)
    if (cert is None) != (key is None):
        raise BadPlace("expected --cert and --key, or neither")
    if listen.startswith(UNIX):
        if not listen.removeprefix(UNIX).startswith("/"):
            raise BadPlace(f"found {listen}, expected an absolute path such as unix:/run/sensor-console/http.sock")
        return ListenAddress("", 0, listen.removeprefix(UNIX), cert, key, public or "http://localhost")
    host, port = _host_and_port(listen)
    scheme = "https" if cert is not None else "http"
    if scheme == "http" and not ipaddress.ip_address(host).is_loopback:
        raise BadPlace(
            f"found {listen}, which other hosts can reach, without TLS: add --cert FILE and --key FILE, or "
            "listen on 127.0.0.1 and use an SSH tunnel"
        )
    return ListenAddress(
        host, port, "", cert, key, public or f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    )


def _host_and_port(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise BadPlace(f"found {listen!r}, expected ADDRESS:PORT such as 127.0.0.1:{PORT}, or unix:/PATH") from None
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise BadPlace(f"found the port {port!r}, expected a number from 0 to 65535 (0: any free one)")
    return str(address), int(port)


def _check_public(public: str) -> None:
    found = urlsplit(public)
    if public and (found.scheme not in ("http", "https") or not found.hostname or found.path.strip("/")):
        raise BadPlace(
            f"found --public-url {public!r}, expected a URL without a path such as https://sensor.example.net"
        )


def tls_of(place: ListenAddress) -> ssl.SSLContext | None:
    """The TLS context, checked before the socket listens. Raises BadPlace if the certificate cannot be used."""
    if place.cert is None or place.key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(place.cert, place.key)
    except ssl.SSLError as error:
        raise BadPlace(
            f"{place.cert} and {place.key}: {error.reason}: expected a certificate and its key in PEM"
        ) from None
    except OSError as error:
        raise BadPlace(f"{place.cert} or {place.key}: {error.strerror}") from None
    return context


def bound(place: ListenAddress) -> socket.socket:
    """A listening socket. Raises OSError if the address is in use or not permitted."""
    if place.path:
        return _bound_unix(Path(place.path))
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((place.host, place.port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _bound_unix(path: Path) -> socket.socket:
    """A socket for its owner and group. Removes the stale socket of a killed console."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.stat().st_mode) and not _answers(path):
            path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        listener.bind(str(path))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0
