"""Reverse SSH tunnel: a host keeps an SSH connection through which the server reaches into the network (`ssh -R`).

For each connection to the forwarded port the server opens a channel, which the client confirms; the sizes of both
messages are known. Agent and X11 forwarding open channels as well, with shorter messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import DAY
from sensor.detectors.shared.hosts import ends_of, is_fixed_function, network_of_packet, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.dissectors.ssh import SshForwarding

REPORTED_LIMIT = 4096


class Options(detector.Options):
    """Servers that may reach into the network."""

    servers: Blocks = Field(
        (), description="addresses and CIDR blocks of SSH servers for remote maintenance, whose tunnels are allowed"
    )


class ReverseTunnel(EventDetector):
    """Watches channels that an SSH server opens to its client."""

    title = "Reverse SSH tunnel into the network"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1572", "T1090", "T1021.004")
    advice = (
        "Ask the owner of the host who uses the tunnel. If it was not planned, isolate the host, and review which "
        "hosts it contacted while the connection was open. Allow SSH to the internet to known servers only."
    )
    false_positives = "Remote maintenance of appliances over SSH (list its servers in `servers`); developers."
    Options = Options
    watches = (SshForwarding,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._servers = AddressBlocks(self.options.servers)
        self._reported: Recent[tuple[int, int]] = self.tables.add("reported", Recent(REPORTED_LIMIT, DAY))

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, SshForwarding):
            return
        packet, ends = event.packet, ends_of(event.packet, answer=True)
        if packet.src in self._servers:
            return
        if not self._reported.fresh((packet.dst, packet.src), packet.ts):
            return
        inside = self.context.networks.inside
        outward = inside(packet.dst) and not inside(packet.src)
        device = is_fixed_function(self.context, ends.actor)
        yield self.alert(
            event,
            actor=ends.actor,
            target=ends.target,
            summary=(
                f"{who(self.context, ends.target)} accesses the network through an SSH connection of "
                f"{who(self.context, ends.actor)}"
            ),
            why=(
                f"the server opened {event.channels} channels of equal length, and the client confirmed them",
                f"the server is {'external' if outward else 'internal'}",
            ),
            numbers={"channels": event.channels, "threshold": event.channels},
            key=(addresses.text(packet.src),),
            severity=Severity.high if device else Severity.medium if outward else Severity.low,
            confidence=0.75,
            actor_port=ends.actor_port,
            target_port=ends.target_port,
            network=network_of_packet(self.context, packet, "ssh", answer=True),
        )
