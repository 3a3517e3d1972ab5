"""Proxies that intruders set up on hosts they control: SOCKS and HTTP CONNECT requests for internal destinations, SOCKS
requests over a connection that the proxy opened itself (a reverse proxy), and internal SOCKS proxies that external
hosts use.

An organization's proxy leads to the internet: its clients reach internal hosts without it. SOCKS for external
destinations, and for names, has low severity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.hosts import app_of, ends_of, network_of_packet, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.socks import SocksRequest

REPORTED_LIMIT = 4096
WEB = frozenset((80, 443, 8080, 8443))


class Options(detector.Options):
    """Which proxies are known."""

    proxies: Blocks = Field((), description="addresses and CIDR blocks of proxies of the organization")
    again_s: int = Field(3600, ge=60, description="seconds until the same client and proxy may be reported again")


class _Use(NamedTuple):
    """How a proxy is used: severity, technique, and the reason."""

    severity: Severity
    technique: str
    why: str


class InternalProxy(EventDetector):
    """Watches requests to proxies."""

    title = "Internal proxy (SOCKS, HTTP CONNECT)"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1090.001", "T1090")
    advice = (
        "Identify the program that listens on the proxy host, and how it came there. Review what the client reached "
        "through it. If no administrator set it up, isolate both hosts."
    )
    false_positives = (
        "A SOCKS proxy of the organization: list it in `proxies`; developers who reach test servers through it."
    )
    Options = Options
    watches = (SocksRequest, HttpRequest)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, int, Severity]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.again_s * SECOND)
        )
        self._proxies = AddressBlocks(self.options.proxies)

    def wants(self) -> dict[type[Event], Want]:
        return {HttpRequest: field("method") == "CONNECT"}

    def inspect(self, event: Event) -> Iterator[Alert]:
        use: _Use | None
        if isinstance(event, SocksRequest):
            use = self._socks(event)
            wanted, port = event.name or addresses.text(event.address), event.port
        elif isinstance(event, HttpRequest) and event.method == "CONNECT":
            wanted, _, digits = event.path.rpartition(":")
            port = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 5 else 0
            use = self._tunneled(wanted.strip("[]"), port)
        else:
            return
        packet = event.packet
        if use is None or packet.dst in self._proxies:
            return
        if self._reported.fresh((packet.src, packet.dst, use.severity), packet.ts):
            yield self._used(event, use, f"{wanted}:{port}")

    def _used(self, event: Event, use: _Use, wanted: str) -> Alert:
        packet, app = event.packet, app_of(event)
        ends = ends_of(packet)
        return self.alert(
            event,
            actor=ends.actor,
            target=ends.target,
            summary=(
                f"{who(self.context, ends.actor)} requested a connection to {wanted} from the "
                f"{app.upper()} proxy {who(self.context, ends.target)}"
            ),
            why=(f"{app.upper()} request for {wanted}", use.why),
            numbers={"destination": wanted, "threshold": 1},
            key=(addresses.text(packet.dst), use.technique),
            severity=use.severity,
            confidence=0.8 if use.severity > Severity.low else 0.4,
            techniques=(use.technique, "T1090"),
            network=network_of_packet(self.context, packet, app),
        )

    def _socks(self, event: SocksRequest) -> _Use:
        inside = self.context.networks.inside
        client, proxy = event.packet.src, event.packet.dst
        if not event.from_client:
            return _Use(Severity.high, "T1090.002", "the proxy opened the connection to its client: a reverse proxy")
        if not inside(client):
            return _Use(Severity.high, "T1090.002", "the client is external: it reaches the network through this proxy")
        if not inside(proxy):
            return _Use(Severity.low, "T1090.002", "the proxy is external, and the connection is not encrypted")
        address = event.address or _address(event.name)
        if address and inside(address):
            return _Use(Severity.medium, "T1090.001", "the destination is internal, and needs no proxy")
        return _Use(Severity.low, "T1090.001", "SOCKS proxies are rare inside networks")

    def _tunneled(self, wanted: str, port: int) -> _Use | None:
        """HTTP proxies forward HTTPS by this method: only other ports of internal addresses are reported."""
        address = _address(wanted)
        if not address or not port or port in WEB or not self.context.networks.inside(address):
            return None
        return _Use(Severity.medium, "T1090.001", "the destination is internal, and its port is not a web port")


def _address(text: str) -> int:
    """The address that a destination is, 0 for a name."""
    try:
        return addresses.parse(text)
    except ValueError:
        return 0
