"""VPN tunnels of single hosts to external servers: WireGuard and OpenVPN.

Firewalls and sensors cannot inspect the traffic in a tunnel, and its server can reach the host. A tunnel is reported
once the server has accepted it. Routers and firewalls connect sites by tunnels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.detectors.shared.hosts import ends_of, network_of_packet, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.dissectors.openvpn import OpenvpnServerReset
from sensor.dissectors.wireguard import WireguardInitiation, WireguardResponse

PENDING_LIMIT, REPORTED_LIMIT = 1024, 4096
# Devices that connect sites.
GATEWAYS = frozenset(("router", "firewall", "access_point", "wireless_controller"))
# Fixed-function devices that owners reach by a tunnel, or that support one.
USUAL = frozenset("tv media_player hub signage iot".split())


class Options(detector.Options):
    """Approved servers, and how often a host is reported."""

    allowed: Blocks = Field((), description="addresses and CIDR blocks of approved VPN servers")
    again_s: int = Field(86400, ge=60, description="seconds until the same host and server may be reported again")


class VpnTunnel(EventDetector):
    """Watches the handshakes of WireGuard and OpenVPN."""

    title = "VPN tunnel to an external server"
    severity = Severity.low
    adjusts_severity = True
    techniques = ("T1572",)
    advice = (
        "Ask the user for the purpose of the tunnel. Allow tunnels at the border to approved servers only; a device "
        "without a user needs none: isolate it, and find out who set it up."
    )
    false_positives = "Home offices, visitors and test systems with their own VPN: add its servers to `allowed`."
    Options = Options
    watches = (WireguardInitiation, WireguardResponse, OpenvpnServerReset)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._pending: Bounded[tuple[int, int, int], bool] = self.tables.add("pending", Bounded(PENDING_LIMIT))
        self._reported: Recent[tuple[int, int]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.again_s * SECOND)
        )
        self._allowed = AddressBlocks(self.options.allowed)

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if isinstance(event, WireguardInitiation):
            self._pending.put((packet.src, packet.dst, event.sender), True)
        elif isinstance(event, WireguardResponse):
            # The index proves that both messages belong to one handshake.
            if self._pending.pop((packet.dst, packet.src, event.receiver)):
                return self._accepted(event, "WireGuard", "the server accepted the handshake")
        elif isinstance(event, OpenvpnServerReset):
            return self._accepted(event, "OpenVPN", "the server acknowledged the session")
        return iter(())

    def _accepted(self, event: Event, program: str, why: str) -> Iterator[Alert]:
        """A server answered its client."""
        packet, inside = event.packet, self.context.networks.inside
        if not inside(packet.dst) or inside(packet.src) or packet.src in self._allowed:
            return
        client, server, sport, dport = ends_of(packet, answer=True)
        device = self.context.device(client)
        kind = "unknown" if device is None else device.type
        if kind in GATEWAYS or not self._reported.fresh((packet.dst, packet.src), packet.ts):
            return
        severe = device is not None and device.fixed_function and kind not in USUAL
        yield self.alert(
            event,
            actor=client,
            target=server,
            summary=f"{who(self.context, client)} opened a VPN tunnel ({program}) to {who(self.context, server)}",
            why=(why, *(["a fixed-function device does not need a tunnel"] if severe else [])),
            numbers={"program": program, "threshold": 1},
            key=(addresses.text(packet.src),),
            severity=Severity.high if severe else self.severity,
            confidence=0.85,
            actor_port=sport,
            target_port=dport,
            network=network_of_packet(self.context, packet, program.lower(), answer=True),
        )
