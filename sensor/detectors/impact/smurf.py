"""Pings whose answers hit somebody else: asked in the name of a group, so that everybody answers everybody, or asked of a group in the name of a victim.

A source that is a group or a broadcast address is never right (RFC 1122, 3.2.1.3; RFC 4443, 2.2): once is enough. A ping to a group is allowed, and a few are
an honest question who is there; hundreds of one source are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from pydantic import Field

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.changes import Changes
from sensor.core.contacts import fold
from sensor.core.detector import Context, FlowDetector
from sensor.core.flow import Change, Flow
from sensor.core.observation import Subject
from sensor.core.recent import RecentSet
from sensor.detectors._addresses import group
from sensor.detectors._words import PROTOCOLS, network_of, who

SECOND = 1_000_000_000
PING, PING_6, ECHO, ECHO_6 = 1, 58, 8, 128
GROUP_MAC = np.uint64(1 << 40)
REMEMBERED = 8


class Options(detector.Options):
    """When pings to a group are an attack."""

    pings: int = Field(100, ge=10, description="pings of one source to a group or broadcast address in one flow")
    per_second: float = Field(5.0, gt=0, description="and so many a second at least")


class Smurf(FlowDetector):
    """Watches pings from, and to, addresses of many."""

    title = "Ping amplification"
    severity = Severity.high
    techniques = ("T1498.002",)
    advice = (
        "Find the port of the sender's MAC and stop the machine there: the source address is made up. Let routers drop broadcasts from outside, and hosts not "
        "answer pings to groups."
    )
    false_positives = (
        "A network test that pings a group or a whole segment without pause; a monitoring program that finds its hosts by a ping to the broadcast address."
    )
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._told = RecentSet(REMEMBERED)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, bool]]:
        rows = changes.rows
        ping = (rows["proto"] == PING) & (rows["server_port"] == ECHO) | (rows["proto"] == PING_6) & (rows["server_port"] == ECHO_6)
        at = ping.nonzero()[0]
        if not len(at):
            return []
        rows = rows[at]
        forged = (rows["kind"] == Change.NEW) & group(rows["client_hi"], rows["client_lo"])
        many = group(rows["server_hi"], rows["server_lo"]) | (rows["server_mac"] & GROUP_MAC != 0)
        seconds = np.maximum(rows["ts"] - rows["first"], SECOND) / SECOND
        loud = (rows["kind"] == Change.ENDED) & many & (rows["client_packets"] >= np.maximum(self.options.pings, self.options.per_second * seconds))
        hits = (forged | loud).nonzero()[0]
        fresh = self._told.fresh(fold(rows["client_hi"][hits], rows["client_lo"][hits]), np.ascontiguousarray(rows["ts"][hits]), 60 * SECOND)
        return [(int(at[i]), bool(forged[i])) for i in hits[fresh]]

    def judge(self, flow: Flow, numbers: bool) -> Iterator[Alert]:
        source, target = Subject(flow.client_mac, flow.client, flow.vlan), Subject(0, flow.server, flow.vlan)
        near, far = addresses.text(flow.client), addresses.text(flow.server)
        if numbers:
            summary = f"{addresses.mac_text(flow.client_mac)} pings {far} in the name of {near}, which is no host's address: whoever answers floods others"
            why = (f"an echo request from {near}, which no host can have; once is enough",)
        else:
            summary = f"{who(self.context, source)} pings the group {far}: its members flood the one whose address it bears"
            why = (f"{flow.client_packets} echo requests to {far}, an address of many; counts from {self.options.pings} on",)
        yield self.alert(
            flow,
            actor=source,
            target=target,
            targets=(target,) if numbers else (source, target),
            summary=summary,
            why=why,
            numbers={"pings": flow.client_packets, "threshold": 1 if numbers else self.options.pings, "protocol": PROTOCOLS[flow.proto]},
            key=("forged" if numbers else far,),
            network=network_of(self.context, flow),
        )
