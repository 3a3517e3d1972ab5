"""Reflection and amplification attack, at the victim: one address receives answers it never requested, from many
servers at the same time.

The attacker sends requests with the victim's address. Counted by victim and service: UDP services with large answers,
ICMP echo replies, and TCP handshakes without a SYN; of UDP services and handshakes also the answers of few servers,
where there are hundreds. In a capture of one direction every answer looks unsolicited, so there DNS counts only with
large answers, handshakes only on a port that no client uses, or where nothing follows them, and echo replies of
internal hosts, which a monitoring system may have requested, have low severity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import ICMP, ICMPV6, PROTOCOLS, TCP, UDP
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.counting.changes import CLIENT_INSIDE, SERVER_INSIDE, Changes
from sensor.counting.contacts import combine
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.ports import ports_in
from sensor.counting.rates import RateWindow
from sensor.counting.windows import DistinctWindow
from sensor.detectors.shared.addresses import addresses_in, counted
from sensor.detectors.shared.amplifiers import AMPLIFIERS
from sensor.detectors.shared.hosts import client_of, network_of, server_of, who

KEY_BITS, PAIR_BITS = 11, 15
DNS = 53
PLAIN = 1024  # servers use lower ports, clients higher ones
# No client uses source ports below, not even privileged ones (512 to 1023).
NO_CLIENT = 512
HANDSHAKE = 128  # maximum size of a frame without data, in bytes: IPv6 and options (94), or VXLAN and a VLAN tag (128)


class Options(detector.Options):
    """When unsolicited answers are a flood."""

    servers: int = Field(
        30,
        ge=5,
        description=(
            "threshold: external servers with unsolicited answers of one service to one address within a minute"
        ),
    )
    answers: int = Field(
        500,
        ge=50,
        description="threshold: flows of unsolicited answers of few such servers to one address within a minute",
    )
    pinged: int = Field(
        15, ge=5, description="threshold: hosts with unsolicited echo replies to one address within a minute"
    )
    handshakes: int = Field(
        5,
        ge=3,
        description="threshold: servers with unsolicited handshakes to a port that no client uses, within ten minutes",
    )
    repeated: int = Field(
        10,
        ge=5,
        description="threshold: unsolicited handshake answers of one server to such a port, without FIN or RST",
    )
    silent: int = Field(
        100,
        ge=20,
        description=(
            "threshold: servers with unsolicited handshakes to any port, without further packets, within a minute"
        ),
    )
    large: int = Field(
        512, ge=128, description="minimum size of DNS answers that count where queries are not in the capture, in bytes"
    )


class Finding(NamedTuple):
    """Servers that answered, a sample, the threshold, and whether the capture would show the request. ``flows``: the
    number of answers instead, of few servers.
    """

    servers: int
    sample: list[int]
    threshold: int
    sure: bool = True
    flows: bool = False


class ReflectedFlood(FlowDetector):
    """Watches flows that begin with an answer."""

    title = "Reflection/amplification flood against a host"
    severity = Severity.high
    techniques = ("T1498.002",)
    floods = True
    advice = (
        "Ask the provider to filter answers of this service to the victim. The servers are abused and not the "
        "attackers; rate limits by source do not help. Check whether the victim received a demand or threat."
    )
    false_positives = (
        "An authorized scanner whose requests take another path than the answers; a capture that shows answers only."
    )
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        want = self.options
        self._amplifies = ports_in(AMPLIFIERS)
        self._two_way = {UDP: False, TCP: False}
        self._answers = self.tables.add("answers", RateWindow(60 * SECOND, KEY_BITS))
        self._windows = [
            (self.tables.add("windows.servers", self._window(60, want.servers)), want.servers),
            (self.tables.add("windows.pinged", self._window(60, want.pinged)), want.pinged),
            (self.tables.add("windows.handshakes", self._window(600, want.handshakes)), want.handshakes),
            (self.tables.add("windows.silent", self._window(60, want.silent)), want.silent),
        ]

    def _window(self, seconds: int, threshold: int) -> DistinctWindow:
        window = self.window(seconds * SECOND, KEY_BITS, PAIR_BITS)
        window.rule(threshold=threshold)
        return window

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        contacts = self._significant(changes)
        if not len(contacts):
            return []
        rows = changes.rows.take(contacts["row"])
        both, two_way, want = self._two_way_until(rows, TCP), self._two_way_until(rows, UDP), self.options
        turned, masks = self._reflections(rows, contacts["flags"], two_way)
        _, pinged, _, silent = masks
        victim = np.where(turned, contacts["server"], contacts["client"])
        server = np.where(turned, contacts["client"], contacts["server"])
        of_client = rows["client_port"].astype(np.uint64) << np.uint64(8) | rows["proto"]
        service = np.where(turned, of_client, contacts["service"]).astype(np.uint64)
        sure = ~(silent | pinged) | both | pinged & (two_way | (contacts["flags"] & SERVER_INSIDE == 0))
        keys, found = np.where(silent, victim, combine(victim, service)), []
        for mask, (window, threshold) in zip(masks, self._windows, strict=True):
            at = mask.nonzero()[0]
            for i, servers, _, sample in counted(window, keys[at], server[at], rows["ts"][at]):
                finding = Finding(servers, sample, threshold, bool(sure[at[i]]))
                found.append((int(contacts["row"][at[i]]), finding))
        # Where queries are not captured, the answers of a resolver would count.
        at = (masks[0] & (two_way | (service >> 8 != DNS)) | silent).nonzero()[0]
        steps = np.ones(len(at), np.int8)
        for i, flows, _ in self._answers.follow(keys[at], server[at], rows["ts"][at], steps, want.answers, 1):
            finding = Finding(flows, [], want.answers, bool(sure[at[i]]), flows=True)
            found.append((int(contacts["row"][at[i]]), finding))
        again = self._repeated(rows)
        found += [(at, Finding(1, [], self.options.repeated)) for at in contacts["row"][again].tolist()]
        return sorted(found)

    def _reflections(
        self, rows: npt.NDArray[np.void], flags: npt.NDArray[np.uint8], two_way: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.bool_], list[npt.NDArray[np.bool_]]]:
        """Where the server seems to be the client; and where a row may be part of a reflection, one mask for each of
        ``self._windows``: UDP answers, ping replies, SYN-ACKs, and flows in which the client sent nothing. ``two_way``:
        UDP flows with both directions were seen.
        """
        proto, kind, server_port = rows["proto"], rows["kind"], rows["server_port"]
        first = (kind == Change.ANSWERED) & (rows["client_packets"] == 0)
        # A server on a high port seems to be the client if its answer comes first, and so does any if the victim's port
        # is well-known as well. A new flow has no size yet: that of DNS answers is known when it ends.
        turned = (kind == Change.NEW) & (proto == UDP) & self._amplifies[rows["client_port"]]
        turned &= rows["client_port"] != DNS
        mean = rows["client_bytes"] // np.maximum(rows["client_packets"], 1)
        turned |= _unanswered_dns(rows) & (mean >= self.options.large)
        no_peers = (rows["client_port"] < NO_CLIENT) & (rows["client_port"] != server_port)
        turned &= ~self._amplifies[server_port] | no_peers
        plain = first & (proto == UDP) & self._amplifies[server_port]
        plain &= two_way | (server_port != DNS) | (rows["server_bytes"] >= self.options.large)
        far = plain & (flags & SERVER_INSIDE == 0) | turned & (flags & CLIENT_INSIDE == 0)
        pinged = first & ((proto == ICMP) | (proto == ICMPV6))
        shaken = first & (proto == TCP) & (rows["client_port"] < NO_CLIENT) & (server_port < PLAIN)
        shaken &= rows["server_bytes"] <= HANDSHAKE
        silent = _only_handshakes(rows) & (rows["server_packets"] < self.options.repeated)
        silent &= flags & SERVER_INSIDE == 0
        return turned, [far, pinged, shaken, silent]

    def _repeated(self, rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
        """Ended flows in which a server repeated its answer to a SYN that its client never sent."""
        again: npt.NDArray[np.bool_] = _only_handshakes(rows) & (rows["server_packets"] >= self.options.repeated)
        again &= (rows["client_port"] < NO_CLIENT) & (rows["server_port"] < PLAIN)
        return again

    def _significant(self, changes: Changes) -> npt.NDArray[np.void]:
        """Rows to evaluate: answers, flows that ended without a packet of their client, and over UDP flows from a
        port of an amplifier and those with both directions.
        """
        contacts = changes.contacts
        kind, udp = contacts["kind"], contacts["service"] & 0xFF == UDP
        contacts = contacts.compress((kind == Change.ANSWERED) | (kind == Change.ENDED) | udp)
        kind, udp, at = contacts["kind"], contacts["service"] & 0xFF == UDP, contacts["row"]
        requested, answered = changes.rows["client_packets"][at] > 0, changes.rows["server_packets"][at] > 0
        turned = (kind == Change.NEW) & self._amplifies[contacts["client_port"]]
        turned |= (kind == Change.ENDED) & (contacts["client_port"] == DNS)
        return contacts.compress(
            (kind == Change.ANSWERED) | (kind == Change.ENDED) & ~requested | udp & (turned | requested & answered)
        )

    def _two_way_until(self, rows: npt.NDArray[np.void], proto: int) -> npt.NDArray[np.bool_]:
        """For each row whether a flow of the protocol with both directions was seen by then."""
        both = (rows["proto"] == proto) & (rows["client_packets"] > 0) & (rows["server_packets"] > 0)
        two_way = np.logical_or.accumulate(both) | self._two_way[proto]
        self._two_way[proto] = bool(two_way[-1])
        return two_way

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        ended = flow.kind == Change.ENDED
        turned = flow.kind == Change.NEW or (ended and flow.proto == UDP)
        server, victim = (client_of(flow), server_of(flow)) if turned else (server_of(flow), client_of(flow))
        if not addresses.is_host(victim.address):
            return
        port = flow.client_port if turned else flow.server_port
        silent = ended and flow.proto == TCP and bool(numbers.sample)
        service = "ping" if flow.proto in (ICMP, ICMPV6) else "tcp" if silent else f"{PROTOCOLS[flow.proto]}/{port}"
        servers = list(map(addresses.text, addresses_in(numbers.sample)))
        single = ended and flow.proto == TCP and not silent and not numbers.flows
        count = flow.server_packets if single else numbers.servers
        answers = "echo replies" if service == "ping" else f"{service} answers"
        few = "one server" if single else "few servers" if numbers.flows else ""
        what = f"{count} unsolicited {answers} from {few}" if few else f"unsolicited {answers} from {count} servers"
        alert = self.alert(
            flow,
            actor=server,
            target=victim,
            targets=[victim, *(Subject(0, address, flow.vlan) for address in addresses_in(numbers.sample))],
            summary=f"{who(self.context, victim)} received {what}",
            why=(
                f"{what}: {addresses.text(victim.address)} sent no request (threshold {numbers.threshold})",
                (
                    "the servers are abused as reflectors with a spoofed source address, including "
                    f"{some(servers or [addresses.text(server.address)])}"
                ),
            ),
            numbers={
                "answers" if few else "servers": count,
                "threshold": numbers.threshold,
                "service": service,
            },
            severity=Severity.high if numbers.sure else Severity.low,
            confidence=0.9 if numbers.sure else 0.5,
            actor_port=port if flow.proto in (TCP, UDP) else 0,
            network=network_of(self.context, flow),
        )
        alert.key = f"{self.id}|{addresses.text(victim.address)}|{service}"  # never by source: there are thousands
        yield alert


def _unanswered_dns(rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """Ended flows of which only the side at the port of DNS sent."""
    dns = (rows["kind"] == Change.ENDED) & (rows["proto"] == UDP) & (rows["client_port"] == DNS)
    found: npt.NDArray[np.bool_] = dns & (rows["server_packets"] == 0)
    return found


def _only_handshakes(rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """Ended TCP flows in which the client sent nothing and the server no more than answers to a SYN."""
    ended = (rows["kind"] == Change.ENDED) & (rows["proto"] == TCP) & (rows["client_packets"] == 0)
    found: npt.NDArray[np.bool_] = ended & (rows["server_bytes"] <= np.uint64(HANDSHAKE) * rows["server_packets"])
    return found
