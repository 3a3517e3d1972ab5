"""NATS servers by their URLs, and the base of outputs with a connection to one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sensor.core.output import Output, Retry
from sensor.outputs.transport.broker_url import parts_of
from sensor.outputs.transport.nats_wire import NatsServer, Wire
from sensor.outputs.transport.tls import Tls

PORT = 4222
SCHEMES = ("nats", "tls")


def server_url(url: str) -> str:
    parts = parts_of(url, "`user` and `password`, `token`, `nkey` or `credentials`")
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValueError("expected nats://host:4222 or tls://host:4222")
    return url


def place_of(url: str, tls: Tls, *, tls_first: bool = False) -> NatsServer:
    """The server of a URL that ``server_url`` validated."""
    parts = urlsplit(url)
    return NatsServer(parts.hostname or "", parts.port or PORT, tls if parts.scheme == "tls" else None, tls_first)


class NatsOutput(Output):
    """An output with one connection, which ``open`` sets."""

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._wire: Wire | None = None

    def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    @property
    def _opened(self) -> Wire:
        if self._wire is None:
            raise Retry("not connected")
        return self._wire
