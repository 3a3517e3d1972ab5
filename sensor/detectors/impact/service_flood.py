"""Denial of service from one host: connection after connection to one service without an answer, datagrams to one host
from or to ever new ports or to a service that answers every one, pings without pause or of many megabytes, or reports
of multicast groups (IGMP, MLD). Neighbor advertisements to one host answer its solicitations, and are not a flood by
their sender.

Many sources are a flood of another kind, many targets are a scan. Source, target and service are fixed here: no working
program continues that fast without an answer. A capture of one direction does not show answers: there it is a weak
indication, unless it is many times the threshold, or most connections end after the first packets of the source, which
continues those that are answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import ICMP, ICMPV6, SCTP, TCP, UDP
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.counting.changes import Changes
from sensor.counting.contacts import combine, fold
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.ports import ports_in
from sensor.counting.rates import RateWindow
from sensor.detectors.shared.hosts import client_of, is_fixed_function, network_of, server_of, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks

PAIRS_LIMIT = 1024
# Times the threshold that no ordinary client reaches, with or without answers.
MANY = 10
# Packets of a source in a connection that it does not continue: a SYN and its repetitions. They are noticed when they
# time out, so within a longer window, and more of them count.
BRIEF, BRIEF_S, BRIEF_MORE, BRIEF_BITS = 3, 60, 3, 9
PINGS = (ICMP, ICMPV6)
ECHO, ECHO_6, IGMP = 8, 128, 2
# Router and neighbor advertisements and redirects, as answers to one host (RFC 4861, 6.2.6, 7.2.4, 8.2).
ANSWERS_6 = (134, 136, 137)
# UDP services that answer each request: DNS, HTTP/3, NTP, SNMP, LDAP. Media, logs and metrics have no answers.
ANSWERING = ports_in((53, 80, 123, 161, 389, 443))
# By IP protocol: whether no host sends it to another by the thousand, as tunnels and media do (GRE, ESP, DCCP, L2TP).
UNUSED = np.ones(256, np.bool_)
UNUSED[[ICMP, 4, TCP, UDP, 33, 41, 47, 50, 51, 55, ICMPV6, 94, 97, 98, 108, 115, SCTP, 136, 137, 143]] = False


class Options(detector.Options):
    """When one host is a flood."""

    connections: int = Field(1000, ge=100, description="threshold: unanswered connections of one source to one service")
    window_s: int = Field(10, ge=1, le=600, description="time window in seconds")
    datagrams: int = Field(
        3000, ge=300, description="threshold: unanswered UDP flows of one source to one target, on any ports"
    )
    pings: int = Field(
        1000,
        ge=100,
        description="threshold: ICMP messages of one type, or unanswered UDP datagrams from one port to a service, "
        "of one source to one target",
    )
    pings_per_second: float = Field(50.0, gt=1, description="minimum rate of these messages a second")
    ping_bytes: int = Field(
        10_000_000,
        ge=1_000_000,
        description="threshold: bytes of pings of one source to one target, at least a tenth of it a second",
    )
    again_s: int = Field(300, ge=10, description="seconds until the same alert may be raised again")
    exempt: Blocks = Field((), description="addresses and CIDR blocks of your own load tests")


class Finding(NamedTuple):
    """The number of flows, or of messages of one flow within so many seconds (0: flows), whether the capture shows
    answers, the bytes of pings if they are too many, and whether the flows ended after their first packets.
    """

    messages: int
    two_way: bool
    seconds: int = 0
    size: int = 0
    brief: bool = False


class ServiceFlood(FlowDetector):
    """Counts opened minus answered connections, by source and service; checks ICMP and UDP flows when they end."""

    title = "Denial of service by a single host"
    severity = Severity.medium
    techniques = ("T1498.001", "T1499.002", "T1499")
    advice = (
        "Stop the program on the source, or block the source. Limit new connections by source at the "
        "target (SYN cookies, rate limiting)."
    )
    false_positives = (
        "A load test; a client that retries without a pause while its server is down; a flood ping of an administrator."
    )
    decisive = {"connections": "count", "datagrams": "count", "pings": "count", "ping_bytes": "bytes"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._rates = self.tables.add("rates", RateWindow(self.options.window_s * SECOND))
        self._datagrams = self.tables.add("datagrams", RateWindow(self.options.window_s * SECOND))
        self._brief = self.tables.add("brief", RateWindow(BRIEF_S * SECOND, BRIEF_BITS))
        self._two_way = False
        self._reported: Recent[tuple[int, int, int, int, bool]] = self.tables.add(
            "reported", Recent(PAIRS_LIMIT, self.options.again_s * SECOND)
        )
        self._exempt = AddressBlocks(self.options.exempt)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        rows, want = changes.rows, self.options
        two_way = self._two_way_until(rows)
        found = self._loud(rows, two_way) + self._unfinished(rows, two_way)
        kinds = changes.contacts["kind"]
        contacts = changes.contacts.compress((kinds == Change.NEW) | (kinds == Change.ANSWERED))
        protocols = contacts["service"] & 0xFF
        for protocol, window, threshold in (
            (TCP, self._rates, want.connections),
            (UDP, self._datagrams, want.datagrams),
        ):
            rates = _unanswered(contacts.compress(protocols == protocol), window, threshold, by_service=protocol == TCP)
            found += [(row, Finding(count, bool(two_way[row]))) for row, count in rates]
        return sorted(found)

    def _two_way_until(self, rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
        """For each row, whether the capture has shown both directions of a TCP flow by then."""
        if self._two_way or not len(rows):
            return np.ones(len(rows), np.bool_)
        both = (rows["client_packets"] > 0) & (rows["server_packets"] > 0) & (rows["proto"] == TCP)
        two_way: npt.NDArray[np.bool_] = np.logical_or.accumulate(both)
        self._two_way = bool(two_way[-1])
        return two_way

    def _loud(self, rows: npt.NDArray[np.void], two_way: npt.NDArray[np.bool_]) -> list[tuple[int, Finding]]:
        """The flows of echo requests, or of datagrams to a service that does not answer, that ended with too many of
        them, or of their bytes, and too many a second.
        """
        want, proto = self.options, rows["proto"]
        ping = (proto == ICMP) | (proto == ICMPV6)
        silent = (proto == UDP) & ANSWERING[rows["server_port"]] | UNUSED[proto]
        silent &= rows["server_packets"] == 0
        at = np.flatnonzero((rows["kind"] == Change.ENDED) & (ping | silent))
        ended, sent = rows.take(at), rows["client_packets"][at]
        seconds = np.maximum(ended["last"] - ended["first"], SECOND) / SECOND
        size = np.where(ping[at], ended["client_bytes"], 0)
        large = (size >= want.ping_bytes) & (size >= want.ping_bytes / 10 * seconds)
        loud = (sent >= want.pings) & (sent >= want.pings_per_second * seconds)
        found = np.flatnonzero(loud | large).tolist()
        shown = ping | two_way
        return [
            (int(at[i]), Finding(int(sent[i]), bool(shown[at[i]]), round(seconds[i]), 0 if loud[i] else int(size[i])))
            for i in found
        ]

    def _unfinished(self, rows: npt.NDArray[np.void], two_way: npt.NDArray[np.bool_]) -> list[tuple[int, Finding]]:
        """In a capture of one direction: connections that ended after the first packets, which were not answered."""
        if two_way.all():
            return []
        ended = (rows["kind"] == Change.ENDED) & (rows["proto"] == TCP) & (rows["server_packets"] == 0)
        at = np.flatnonzero(ended & (rows["client_packets"] <= BRIEF) & ~two_way)
        if not len(at):
            return []
        brief = rows.take(at)
        clients, servers = fold(brief["client_hi"], brief["client_lo"]), fold(brief["server_hi"], brief["server_lo"])
        keys = combine(combine(clients, servers), brief["server_port"].astype(np.uint64))
        steps, most = np.ones(len(at), np.int8), BRIEF_MORE * self.options.connections
        found = self._brief.follow(keys, clients, np.ascontiguousarray(brief["ts"]), steps, most, 1)
        return [(int(at[i]), Finding(count, False, brief=True)) for i, count, _ in found]

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        want, actor, target = self.options, client_of(flow), server_of(flow)
        if not (addresses.is_host(flow.server) or _reports_groups(flow)):
            return
        if flow.client in self._exempt or _answers_neighbor(flow):
            return
        stream, tcp = numbers.seconds > 0, flow.proto == TCP
        port = 0 if flow.proto == UDP and not stream else flow.server_port
        count, threshold, unit = self._excess(flow, numbers)
        sure = numbers.two_way or numbers.brief or count >= MANY * threshold
        if not self._reported.fresh((flow.client, flow.server, flow.proto, port, sure), flow.ts):
            return
        window = BRIEF_S if numbers.brief else numbers.seconds or want.window_s
        service = f" to udp/{port}" if port and flow.proto == UDP else ""
        what = f"connections to tcp/{port}" if tcp else f"UDP datagrams{service}" if flow.proto == UDP else "pings"
        if flow.proto in PINGS and flow.server_port not in (ECHO, ECHO_6):
            what = f"ICMP messages of type {flow.server_port}"
        if UNUSED[flow.proto]:
            what = f"packets of IP protocol {flow.proto}"
        how = f"{count} {unit} within {window} s{'' if flow.proto in PINGS else ' without an answer'}"
        yield self.alert(
            flow,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} flooded {who(self.context, target)} with {what}",
            why=(
                f"{how} (threshold {threshold})",
                *([f"each ended after at most {BRIEF} packets of the source"] if numbers.brief else []),
                *([] if numbers.two_way else ["the capture shows one direction only: there may be answers"]),
            ),
            numbers={unit if unit == "bytes" else "count": count, "threshold": threshold, "window_s": window},
            key=(addresses.text(flow.server), what),
            severity=self._severity(actor) if sure else Severity.low,
            confidence=0.8 if sure else 0.5,
            target_port=port if tcp or service else 0,
            network=network_of(self.context, flow),
        )

    def _excess(self, flow: Flow, numbers: Finding) -> tuple[int, int, str]:
        """What reached its threshold: number, threshold and unit."""
        want = self.options
        if numbers.size:
            return numbers.size, want.ping_bytes, "bytes"
        if numbers.brief:
            return numbers.messages, BRIEF_MORE * want.connections, "connections"
        if numbers.seconds:
            return numbers.messages, want.pings, "messages"
        if flow.proto == TCP:
            return numbers.messages, want.connections, "connections"
        return numbers.messages, want.datagrams, "UDP flows"

    def _severity(self, actor: Subject) -> Severity:
        return Severity.high if is_fixed_function(self.context, actor) else Severity.medium


def _reports_groups(flow: Flow) -> bool:
    """Whether these are messages to routers or snooping switches. Pings to a group are ``impact.smurf``."""
    return flow.proto == IGMP or (flow.proto == ICMPV6 and flow.server_port != ECHO_6)


def _answers_neighbor(flow: Flow) -> bool:
    """Whether these are answers of IPv6 neighbor discovery to one host."""
    return flow.proto == ICMPV6 and flow.server_port in ANSWERS_6 and addresses.is_host(flow.server)


def _unanswered(
    contacts: npt.NDArray[np.void], window: RateWindow, threshold: int, *, by_service: bool
) -> Iterator[tuple[int, int]]:
    """(row, number of unanswered flows) where the flows of one source to one service, or to one host, reach the
    threshold.
    """
    if not len(contacts):
        return
    steps = (contacts["kind"] == Change.NEW).astype(np.int8) - (contacts["kind"] == Change.ANSWERED)
    keys = combine(contacts["client"], contacts["server"])
    if by_service:
        keys = combine(keys, contacts["service"].astype(np.uint64))
    for i, count, _ in window.follow(keys, contacts["client"], contacts["ts"], steps, threshold, 1):
        yield int(contacts["row"][i]), count
