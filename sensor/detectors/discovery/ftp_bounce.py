"""FTP bounce: a client makes an FTP server open data connections to ports of a third host (RFC 2577, 3). The server
scans the host on behalf of the client, or sends it commands from an uploaded file.

Transfers between two servers and clients behind address translation also name another host, but ports from 1024 up.
Such ports are not counted.
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
from sensor.core.observation import Subject
from sensor.core.phrases import counted, some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import ends_of, network_of_packet, who
from sensor.dissectors.ftp import FtpDataTarget

REPORTED_LIMIT = 4096
SYSTEM_PORTS = 1024  # of services (RFC 6335, 6); no host receives data connections there


class Options(detector.Options):
    """When requested data connections are reported."""

    ports: int = Field(1, ge=1, le=1000, description="threshold: service ports of one host that a client requests")
    window_s: int = Field(3600, ge=60, le=86400, description="time window in seconds")


class FtpBounce(EventDetector):
    """Watches data connections that are requested to a host other than the client."""

    title = "FTP bounce (data connections to a third host)"
    severity = Severity.medium
    techniques = ("T1046", "T1090")
    advice = (
        "Configure the FTP server to open data connections to its clients only, and check which connections it opened. "
        "Block the source, and search for uploaded files with commands of other protocols."
    )
    false_positives = "An authorized vulnerability scanner that tests the FTP server."
    decisive = {"ports": "ports"}
    Options = Options
    watches = (FtpDataTarget,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._ports: Distinct[tuple[int, int], int] = self.tables.add("ports", Distinct(window))
        self._reported: Recent[tuple[int, int, int]] = self.tables.add("reported", Recent(REPORTED_LIMIT, window))

    def wants(self) -> dict[type[Event], Want]:
        return {FtpDataTarget: field("port") < SYSTEM_PORTS}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, FtpDataTarget) or event.port >= SYSTEM_PORTS:
            return
        want, packet = self.options, event.packet
        count = self._ports.add((packet.src, event.address), event.port, event.ts)
        pair = packet.src, event.address
        if count < want.ports or not self._reported.fresh((*pair, count.bit_length()), event.ts):
            return
        actor, server, near, _ = ends_of(packet)
        target = Subject(0, event.address, packet.vlan)
        named = [str(port) for port in self._ports.values(pair)]
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)} made the FTP server {who(self.context, server)} connect to "
                f"{counted(count, 'port')} of {who(self.context, target)}"
            ),
            why=(
                f"{counted(count, 'service port')} of a third host: {some(named)} (threshold {want.ports})",
                f"{addresses.text(server.address)} opens the connections that the client requests",
            ),
            numbers={"ports": count, "threshold": want.ports, "window_s": want.window_s},
            key=(addresses.text(event.address),),
            confidence=0.85,
            actor_port=near,
            target_port=event.port,
            network=network_of_packet(self.context, packet, "ftp"),
        )
