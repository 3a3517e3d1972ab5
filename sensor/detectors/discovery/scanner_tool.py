"""A scanning tool identifies itself: by user agent or banner, or by SYNs that no operating system sends.

Fast scanners craft packets with a fixed window and almost no options; operating systems have sent more options for
decades. Small devices do not, so such a SYN counts only from a source that also opens connections like an operating
system. A name alone is enough. SIP and web scanners have their own detectors.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import ends_of, is_fixed_function, network_of_packet, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.ssh import SshBanner
from sensor.dissectors.tcp_syn import TcpSyn

REPORTED_LIMIT = 4096
REPORTED_S = 3600
SHAPES_S = 3600
SYSTEM, OPTIONS_OF_SYSTEMS = "system", 3
# Names of network scanners.
NAMES = lazy_pattern(
    r"nmap|masscan|zgrab|zmap|\bncrack\b|censys|shodan|internet-?measurement|expanse|netsystemsresearch|leakix|"
    r"binaryedge|rapid7|project sonar|openvas|greenbone|nessus|qualys|nexpose|\bgobuster\b|angry ip|unicornscan|"
    r"l9explore|l9tcpid|fofa|odin\b.*getodin|paloaltonetworks.*expanse",
    re.IGNORECASE,
)
# (window, options) of crafted SYNs: Nmap's default probe; masscan and similar; zmap. From their published sources.
SHAPES = {
    (1024, ("mss",)): "Nmap", (2048, ("mss",)): "Nmap", (3072, ("mss",)): "Nmap", (4096, ("mss",)): "Nmap",
    (1024, ()): "masscan or a similar program", (512, ()): "hping or a similar program",
    (65535, ()): "ZMap or a similar program",
}  # fmt: skip


class Options(detector.Options):
    """Which scanners are authorized."""

    exempt: Blocks = Field((), description="addresses and CIDR blocks of your own scanners")


class ScannerTool(EventDetector):
    """Watches SYNs, HTTP user agents and SSH banners."""

    title = "Scanning tool (Nmap, masscan, ZMap)"
    severity = Severity.medium
    techniques = ("T1595.002", "T1595", "T1046")
    advice = (
        "Find out who runs this program on the source. From the internet it is background noise: check "
        "that only intended services answer."
    )
    false_positives = (
        "Authorized vulnerability scanners and inventory systems (list them in `exempt`); very "
        "small devices with a minimal network stack."
    )
    Options = Options
    watches = (TcpSyn, HttpRequest, SshBanner)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._shapes: Distinct[int, str] = self.tables.add("shapes", Distinct(SHAPES_S * SECOND, REPORTED_LIMIT, 8))
        self._reported: Recent[tuple[int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )
        self._exempt = AddressBlocks(self.options.exempt)

    def wants(self) -> dict[type[Event], Want]:
        return {HttpRequest: field("user_agent").matches(NAMES), SshBanner: field("software").matches(NAMES)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, TcpSyn):
            yield from self._shape(event)
        elif isinstance(event, HttpRequest):
            if _names_scanner(event.user_agent):
                yield from self._alert(
                    event,
                    event.user_agent,
                    f"the user agent {event.user_agent!r} belongs to a scanning tool",
                    named=True,
                )
        elif isinstance(event, SshBanner) and _names_scanner(event.software):
            yield from self._alert(
                event, event.software, f"the SSH version {event.software!r} belongs to a scanning tool", named=True
            )

    def _shape(self, event: TcpSyn) -> Iterator[Alert]:
        """Both kinds of SYNs from one source."""
        source, tool = event.packet.src, SHAPES.get((event.window, event.options), "")
        if not tool and len(event.options) < OPTIONS_OF_SYSTEMS:
            return
        if self._shapes.add(source, tool or SYSTEM, event.ts) < 2:
            return
        shapes = self._shapes.values(source)
        found = next((shape for shape in shapes if shape != SYSTEM), "")
        if SYSTEM in shapes and found:
            yield from self._alert(
                event,
                found,
                f"SYNs with almost no options, as {found} sends them, in addition to those of its operating system",
                named=False,
            )

    def _alert(self, event: Event, tool: str, reason: str, *, named: bool) -> Iterator[Alert]:
        """``named``: the tool identifies itself, else the shape of its packets does."""
        packet = event.packet
        if packet.src in self._exempt or not self._reported.fresh((packet.src, tool), event.ts):
            return
        actor, target, near, far = ends_of(packet)
        severity = Severity.medium if named and self.context.networks.inside(packet.src) else Severity.low
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} scanned hosts with {tool}, including {who(self.context, target)}",
            why=(reason,),
            numbers={"tool": tool, "threshold": 1},
            key=("named" if named else "shape",),
            severity=Severity.high if is_fixed_function(self.context, actor) and named else severity,
            confidence=0.95 if named else 0.6,
            actor_port=near,
            target_port=far,
            network=network_of_packet(self.context, packet),
        )


@functools.lru_cache(maxsize=1024)
def _names_scanner(program: str) -> bool:
    return NAMES.search(program) is not None
