"""Base of outputs over HTTP: one client, from ``open`` to ``close``, and the checks before a record is sent."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import msgspec

from sensor.core.output import BatchRejected, Finding, Output, Retry
from sensor.outputs._probe import probe, probe_tls
from sensor.outputs.transport.connect import connect
from sensor.outputs.transport.http_client import Client
from sensor.outputs.transport.http_options import Destination, HttpOptions, place_of
from sensor.outputs.transport.tunnel import tunnel


class HttpOutput(Output):
    """An output with one client."""

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._client: Client | None = None

    def open(self) -> None:
        """Open a client whose destination, or the proxy before it, accepts connections."""
        self.close()
        client = Client(self.options)
        connect(*_first(self.options, client.place), self.options.timeout_s).close()
        try:
            self._prepare(client)
        except Retry:
            client.close()
            raise
        self._client = client

    def check(self) -> Iterator[Finding]:
        if (yield from reached(self.options)):
            yield looked("auth", self._auth)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None

    @property
    def _opened(self) -> Client:
        if self._client is None:
            raise Retry("not open")
        return self._client

    def _prepare(self, client: Client) -> None:
        """What the destination needs before the first batch. Raises Retry if it fails."""

    def _auth(self) -> Finding:
        """Whether the destination accepts the login."""
        raise NotImplementedError


def reached(options: HttpOptions) -> Generator[Finding, None, bool]:
    """The first findings of every check; returns true if the check can continue."""
    try:
        first = _first(options, options.place())
    except Retry as error:
        yield Finding("secret", "error", str(error))
        return False
    for finding in probe(*first, options.timeout_s):
        yield msgspec.structs.replace(finding, message=f"the proxy: {finding.message}") if options.proxy else finding
        if finding.level == "error":
            return False
    place = options.place()
    if not options.proxy or place.scheme != "https" or first[2] is not None:
        return True  # the sender handles TLS within TLS
    return (yield from _reached_behind(options, place))


def _reached_behind(options: HttpOptions, place: Destination) -> Generator[Finding, None, bool]:
    """Findings about the destination through a proxy."""
    try:
        tunnel(options, place).close()
    except Retry as error:
        yield Finding("proxy", "error", str(error))
        return False
    yield Finding("proxy", "ok", f"it opens a tunnel to {place.host} port {place.port}")
    found = probe_tls(lambda: tunnel(options, place), place.host, options.tls, options.timeout_s)
    yield found
    return found.level != "error"


def looked(what: str, look: Callable[[], Finding]) -> Finding:
    """The finding of a step; an unreachable host or a missing secret is a finding too."""
    try:
        return look()
    except (Retry, BatchRejected) as error:
        return Finding(what, "error", str(error))


def _first(options: HttpOptions, place: Destination) -> tuple[str, int, Any]:
    """The host to connect to."""
    first = place_of(options.proxy) if options.proxy else place
    return first.host, first.port, options.tls if first.scheme == "https" else None
