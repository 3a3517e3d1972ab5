"""Smurf and Fraggle attacks: pings, or datagrams to UDP echo and CHARGEN, whose replies flood another host; sent with a
broadcast or multicast source address, or to a broadcast address with the spoofed address of a victim.

A broadcast or multicast source is never valid (RFC 1122, 3.2.1.3; RFC 4443, 2.2): one packet is enough. Pings to a
group are allowed, and a few are a legitimate host discovery; hundreds of one source are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import ICMP, ICMPV6, PROTOCOLS, UDP
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.recent import RecentSet
from sensor.core.time_units import SECOND
from sensor.counting.changes import Changes
from sensor.counting.contacts import fold
from sensor.counting.flow_detector import FlowDetector
from sensor.detectors.shared.addresses import group
from sensor.detectors.shared.hosts import network_of, who

ECHO, ECHO_6 = 8, 128  # types of ICMP and ICMPv6
# UDP services that answer whatever comes (RFC 862, RFC 864).
UDP_ECHO, CHARGEN = 7, 19
GROUP_MAC = np.uint64(1 << 40)
REMEMBERED = 8


class Options(detector.Options):
    """When pings to a group are an attack."""

    pings: int = Field(
        100, ge=10, description="threshold: pings of one source to a multicast or broadcast address in one flow"
    )
    per_second: float = Field(5.0, gt=0, description="minimum rate of pings a second")


class Smurf(FlowDetector):
    """Watches pings from and to broadcast and multicast addresses, and datagrams to UDP echo and CHARGEN of these."""

    title = "Smurf or Fraggle attack (amplification by broadcast)"
    severity = Severity.high
    techniques = ("T1498.002",)
    advice = (
        "Find the switch port of the sender's MAC and stop the host there: the source address is spoofed. Configure "
        "routers to drop directed broadcasts, and hosts to ignore broadcast pings."
    )
    false_positives = (
        "A network test that pings a group or segment without pause; monitoring that discovers "
        "hosts with broadcast pings."
    )
    decisive = {"pings": "pings"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported = self.tables.add("reported", RecentSet(REMEMBERED))

    def candidates(self, changes: Changes) -> Iterable[tuple[int, bool]]:
        rows = changes.rows
        ping = (rows["proto"] == ICMP) & (rows["server_port"] == ECHO) | (rows["proto"] == ICMPV6) & (
            rows["server_port"] == ECHO_6
        )
        echo = (rows["proto"] == UDP) & ((rows["server_port"] == UDP_ECHO) | (rows["server_port"] == CHARGEN))
        at = (ping | echo).nonzero()[0]
        if not len(at):
            return []
        rows = rows.take(at)
        forged = (rows["kind"] == Change.NEW) & (rows["proto"] != UDP) & group(rows["client_hi"], rows["client_lo"])
        many = group(rows["server_hi"], rows["server_lo"]) | (rows["server_mac"] & GROUP_MAC != 0)
        seconds = np.maximum(rows["ts"] - rows["first"], SECOND) / SECOND
        loud = (
            (rows["kind"] == Change.ENDED)
            & many
            & (rows["client_packets"] >= np.maximum(self.options.pings, self.options.per_second * seconds))
        )
        hits = (forged | loud).nonzero()[0]
        # A program with random sources draws many of them from multicast ranges: they are one sender.
        mac = np.where(forged[hits], rows["client_mac"][hits], np.uint64(0))
        source = np.where(mac != 0, mac, fold(rows["client_hi"][hits], rows["client_lo"][hits]))
        fresh = self._reported.fresh(source, np.ascontiguousarray(rows["ts"][hits]), 60 * SECOND)
        return [(int(at[i]), bool(forged[i])) for i in hits[fresh]]

    def evaluate(self, flow: Flow, numbers: bool) -> Iterator[Alert]:
        source, target = Subject(flow.client_mac, flow.client, flow.vlan), Subject(0, flow.server, flow.vlan)
        near, far = addresses.text(flow.client), addresses.text(flow.server)
        if numbers:
            summary = (
                f"{addresses.mac_text(flow.client_mac)} pinged {far} with the source address {near}, which "
                "is not a host address: replies flood others"
            )
            why = (f"an echo request from {near}, an invalid source address (threshold 1)",)
        else:
            what = "datagrams" if flow.proto == UDP else "pings"
            summary = (
                f"{who(self.context, source)} sent {flow.client_packets} {what} to {far}: its members flood "
                "the source address"
            )
            why = (
                (
                    f"{flow.client_packets} {what} to {far}, a multicast or broadcast address (threshold "
                    f"{self.options.pings})"
                ),
            )
        alert = self.alert(
            flow,
            actor=source,
            target=target,
            targets=(target,) if numbers else (source, target),
            summary=summary,
            why=why,
            numbers={
                "pings": flow.client_packets,
                "threshold": 1 if numbers else self.options.pings,
                "protocol": PROTOCOLS[flow.proto],
            },
            key=(far,),
            network=network_of(self.context, flow),
        )
        if numbers:
            alert.key = f"{self.id}|{flow.vlan}|{addresses.mac_text(flow.client_mac) if flow.client_mac else near}"
        yield alert
