"""Active OS fingerprinting: packets that no ordinary program sends, to identify the operating system of a target.

TCP segments with invalid flags (null, xmas, SYN+FIN), SYNs as Nmap sends them, echo requests with a code, and ICMP
timestamp, netmask and information requests in a row. A single invalid segment may be corrupt: a weak indication. Those
of many sources are a flood with spoofed addresses, which has its own detector.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.ip_protocols import TCP
from sensor.core.model import Field
from sensor.core.phrases import counted
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field, fields
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import ends_of, is_fixed_function, network_of_packet, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.dissectors.icmp import IcmpEcho, IcmpQuery
from sensor.dissectors.tcp_syn import TcpOddFlags, TcpSyn

PAIRS_LIMIT = 2048
KINDS_LIMIT = 16
SOURCES_MOST = 8  # sources of invalid segments to one target that are reported
REPORTED_S = 300
FLAGS = ((1, "FIN"), (2, "SYN"), (4, "RST"), (8, "PSH"), (16, "ACK"), (32, "URG"))
ALL_STAMP = 0xFFFFFFFF
# Windows and options of Nmap's six OS detection SYNs, and of later ones, from its documentation.
PROBES = {
    (1, ("ws", "nop", "mss", "ts", "sok")),
    (63, ("mss", "ws", "sok", "ts", "eol")),
    (4, ("ts", "nop", "nop", "ws", "nop", "mss")),
    (4, ("sok", "ts", "ws", "eol")),
    (16, ("mss", "sok", "ts", "ws", "eol")),
    (512, ("mss", "sok", "ts")),
    (3, ("ws", "nop", "mss", "sok", "nop", "nop")),
    (31337, ("ws", "nop", "mss", "ts", "sok")),
}
# SYNs of its ordinary scans, which also ping hosts; alone they could be those of a small device.
SCANS = {(window, ("mss",)) for window in (1024, 2048, 3072, 4096)}


class Options(detector.Options):
    """When unusual packets are fingerprinting."""

    kinds: int = Field(2, ge=1, le=8, description="threshold: distinct signs of one source towards one target")
    window_s: int = Field(300, ge=10, le=3600, description="time window in seconds")
    exempt: Blocks = Field((), description="addresses and CIDR blocks of your own scanners")


class OsFingerprint(EventDetector):
    """Watches TCP headers and ICMP requests, by source and target."""

    title = "OS fingerprinting"
    severity = Severity.medium
    techniques = ("T1046",)
    advice = (
        "Find out who runs a scanner on the source. If none is known, review what it tries next on this "
        "target: it now knows which exploit to choose."
    )
    false_positives = (
        "Vulnerability scanners and inventory systems (list them in `exempt`); broken firewalls "
        "that change flags; very old network monitors."
    )
    decisive = {"kinds": "kinds"}
    Options = Options
    watches = (TcpOddFlags, TcpSyn, IcmpEcho, IcmpQuery)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._signs: Distinct[tuple[int, int], str] = self.tables.add(
            "signs", Distinct(self.options.window_s * SECOND, PAIRS_LIMIT, KINDS_LIMIT)
        )
        self._sources: Distinct[int, int] = self.tables.add(
            "sources", Distinct(self.options.window_s * SECOND, PAIRS_LIMIT, SOURCES_MOST + 1)
        )
        self._reported: Recent[tuple[int, int, bool]] = self.tables.add(
            "reported", Recent(PAIRS_LIMIT, REPORTED_S * SECOND)
        )
        self._exempt = AddressBlocks(self.options.exempt)

    def wants(self) -> dict[type[Event], Want]:
        return {TcpSyn: fields("window", "options").is_in(PROBES | SCANS), IcmpEcho: field("code").filled()}

    def inspect(self, event: Event) -> Iterator[Alert]:
        sign = _sign(event)
        if not sign:
            return
        packet = event.packet
        if packet.src in self._exempt:
            return
        pair = (packet.src, packet.dst)
        self._signs.add(pair, sign, event.ts)
        signs = self._signs.values(pair)
        sure = len(signs) >= self.options.kinds
        weak = isinstance(event, TcpOddFlags) and self._sources.add(packet.dst, packet.src, event.ts) <= SOURCES_MOST
        if (sure or weak) and self._reported.fresh((*pair, sure), event.ts):
            yield self._alert(event, signs, sure)

    def _alert(self, event: Event, signs: list[str], sure: bool) -> Alert:
        packet = event.packet
        actor, target, _, _ = ends_of(packet)
        severe = sure and self.context.networks.inside(packet.src)
        severity = (
            Severity.low if not severe else Severity.high if is_fixed_function(self.context, actor) else Severity.medium
        )
        return self.alert(
            event,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)} fingerprinted the operating system of {who(self.context, target)}: "
                f"{signs[-1]}"
            ),
            why=(
                (
                    f"{counted(len(signs), 'kind')} of unusual packets within {self.options.window_s} s (threshold "
                    f"{self.options.kinds})"
                ),
                *signs,
            ),
            numbers={"kinds": len(signs), "threshold": self.options.kinds, "window_s": self.options.window_s},
            key=(addresses.text(packet.dst),),
            severity=severity,
            confidence=0.9 if sure else 0.5,
            actor_port=packet.sport if packet.proto == TCP else 0,
            target_port=packet.dport if packet.proto == TCP else 0,
            network=network_of_packet(self.context, packet),
        )


def _sign(event: Event) -> str:
    """The unusual property; empty if there is none."""
    if isinstance(event, TcpSyn):
        if (event.window, event.options) in PROBES and event.stamp in (-1, ALL_STAMP):
            return f"SYN with window {event.window} and the options {','.join(event.options)}, as Nmap sends it"
        return (
            "SYN with an MSS option only, as Nmap sends it for host discovery"
            if (event.window, event.options) in SCANS
            else ""
        )
    if isinstance(event, TcpOddFlags):
        names = "+".join(name for bit, name in FLAGS if event.flags & bit)
        return f"TCP flags {names or 'none'} to port {event.packet.dport}"
    if isinstance(event, IcmpQuery):
        return f"ICMP {event.what} request"
    return f"echo request with code {event.code}" if isinstance(event, IcmpEcho) and event.code else ""
