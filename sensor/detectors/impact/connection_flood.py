"""Service exhaustion by one host: connections that are answered, opened faster than clients do (HTTP flood), or opened
and held until the server has none left (Slowloris, slow POST), or reset at the server's first answer (SYN flood); and
requests without pause over a few connections to a web server (HTTP flood with keep-alive).

Slow attacks have a lower threshold: cleartext connections whose request is sent in small pieces for seconds, and
connections of a client whose receive window is smaller than a segment when it opens them (slow read). Clients that wait
for an answer (long polling, WebSocket) have completed their request, and those with a slow network complete it then.

Requests are estimated from the flow: packets of the client that are larger than acknowledgements and smaller than those
of uploads, each with an answer. Encrypted requests count as well. A tunnel that looks similar (VPN over TLS) has one or
two connections, a flood has several.

Connections without an answer are ``service_flood``. Proxies and load balancers open many connections too: low severity
below three times the threshold. They do not reset a thousand connections before the handshake is complete.

A connection without a packet of its client was not opened by this client: a server answered a SYN with a spoofed
address, and the client is the victim (``reflected_flood``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.flow import Change, Flow, Reason
from sensor.core.ip_protocols import TCP
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.changes import Changes
from sensor.counting.contacts import combine
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.ports import ports_in
from sensor.counting.rates import RateWindow
from sensor.counting.tally import Counts, Distinct
from sensor.detectors.shared.hosts import (
    client_of,
    ends_of,
    is_fixed_function,
    network_of,
    network_of_packet,
    server_of,
    who,
)
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.dissectors.http import HttpUnfinished
from sensor.dissectors.tcp_syn import TcpSyn

REPORTED_LIMIT = 1024
MANY = 3
WEB = ports_in((80, 443, 8000, 8080, 8443))
# Mean frame size in bytes of a client that sends requests: an acknowledgement has about 66, an upload above 1,000.
REQUEST_SIZES = 110, 800
# A connection counts with this many packets of the client, and this many a second; a person's browser sends fewer.
REQUESTS_LEAST, REQUESTS_RATE, REQUESTS_CONNECTIONS = 100, 20, 5
PAIRS_LIMIT = 1024
SMALL_WINDOW, SLOW = 1460, "slowly read"  # bytes: operating systems offer many segments
HALF_OPEN = 2  # packets of a client that sends a SYN and resets the connection on the answer


class Options(detector.Options):
    """When connections of one source exhaust a service."""

    opened: int = Field(1000, ge=100, description="threshold: answered connections of one source to one service")
    window_s: int = Field(10, ge=1, le=600, description="time window in seconds for `opened` and `requests`")
    held: int = Field(150, ge=20, description="threshold: answered connections of one source that are still open")
    requests: int = Field(
        3000, ge=300, description="threshold: requests of one source to one web server over connections that stay open"
    )
    unfinished: int = Field(
        40,
        ge=10,
        description="threshold: connections of one source whose requests arrive in small pieces over seconds, or whose "
        "receive windows are tiny",
    )
    held_s: int = Field(60, ge=10, le=600, description="time window in seconds for `held` and `unfinished`")
    again_s: int = Field(300, ge=10, description="seconds until the same alert may be raised again")
    exempt: Blocks = Field((), description="addresses and CIDR blocks of proxies, load balancers, load tests")


class Finding(NamedTuple):
    """What was done with how many connections, the threshold and its window in seconds; whether no proxy does this."""

    action: str
    connections: int
    threshold: int
    window_s: int
    many: bool


class ConnectionFlood(FlowDetector, EventDetector):
    """Counts answered connections by source and service: all of them, those that did not end, half-open ones, and those
    with unfinished requests.
    """

    title = "Connection flood, HTTP flood or slow HTTP attack"
    severity = Severity.medium
    techniques = ("T1499.002", "T1499", "T1498.001")
    advice = (
        "Stop the program on the source, or block it. Limit connections by source at the target, and close connections "
        "whose requests are not complete in time."
    )
    false_positives = (
        "Proxies, load balancers and load tests (list them in `exempt`); programs that open a "
        "connection for each request."
    )
    decisive = dict.fromkeys(("opened", "held", "requests", "unfinished"), "connections")
    watches = (HttpUnfinished, TcpSyn)
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        want = self.options
        opened, held = want.window_s * SECOND, want.held_s * SECOND
        self._opened = self.tables.add("opened", RateWindow(opened))
        self._opened_many = self.tables.add("opened_many", RateWindow(opened))
        self._half_open = self.tables.add("half_open", RateWindow(opened))
        self._held = self.tables.add("held", RateWindow(held))
        self._held_many = self.tables.add("held_many", RateWindow(held))
        self._requests: Counts[tuple[int, ...]] = self.tables.add("requests", Counts(opened, PAIRS_LIMIT))
        self._busy_flows: Distinct[tuple[int, ...], int] = self.tables.add(
            "busy_flows", Distinct(opened, PAIRS_LIMIT, 8)
        )
        self._unfinished: Distinct[tuple[int, int, int], int] = self.tables.add(
            "unfinished", Distinct(held, PAIRS_LIMIT, want.unfinished)
        )
        self._slow = self.tables.add("slow", RateWindow(held))
        self._small_windows: Bounded[int, bool] = self.tables.add("small_windows", Bounded(PAIRS_LIMIT))
        self._going: Bounded[int, int] = self.tables.add("going", Bounded(PAIRS_LIMIT))
        self._reported: Recent[tuple[int, int, int, str, bool]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, want.again_s * SECOND)
        )
        self._exempt = AddressBlocks(want.exempt)

    def wants(self) -> dict[type[Event], Want]:
        return {TcpSyn: field("window") < SMALL_WINDOW}

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet, want = event.packet, self.options
        if isinstance(event, TcpSyn) and event.window < SMALL_WINDOW:
            self._small_windows.put(packet.src, True)
        if not isinstance(event, HttpUnfinished) or packet.src in self._exempt:
            return
        pair = (packet.src, packet.dst, packet.dport)
        count = self._unfinished.add(pair, packet.flow, event.ts)
        if count < want.unfinished or not self._reported.fresh((*pair, "unfinished", False), event.ts):
            return
        actor, target, near, far = ends_of(packet)
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)} held {count} connections to tcp/{far} of {who(self.context, target)} "
                "with unfinished requests"
            ),
            why=(f"{count} unfinished requests within {want.held_s} s (threshold {want.unfinished})",),
            numbers={"connections": count, "threshold": want.unfinished, "window_s": want.held_s},
            key=(addresses.text(packet.dst), far, "unfinished"),
            confidence=0.9,
            actor_port=near,
            target_port=far,
            network=network_of_packet(self.context, packet, "http"),
        )

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        contacts, rows = changes.contacts, changes.rows
        found = self._busy(rows)
        kinds = contacts["kind"]
        over = (kinds == Change.ENDED) & (rows["answered"][contacts["row"]] != 0)
        opened = ((kinds == Change.ANSWERED) | over) & (rows["client_packets"][contacts["row"]] > 0)
        contacts = contacts.compress(opened & (contacts["service"] & 0xFF == TCP))
        if not len(contacts):
            return found
        begins = (contacts["kind"] == Change.ANSWERED).astype(np.int8)
        at = contacts["row"]
        half = (begins == 0) & (rows["reason"][at] == Reason.RESET) & (rows["client_packets"][at] <= HALF_OPEN)
        keys = combine(combine(contacts["client"], contacts["server"]), contacts["service"].astype(np.uint64))
        open_now, halves, want = 2 * begins - np.int8(1), half.astype(np.int8), self.options
        for window, steps, action, threshold, seconds, many in (
            (self._opened, begins, "opened", want.opened, want.window_s, False),
            (self._opened_many, begins, "opened", MANY * want.opened, want.window_s, True),
            (self._half_open, halves, "half-opened", want.opened, want.window_s, True),
            (self._held, open_now, "held open", want.held, want.held_s, False),
            (self._held_many, open_now, "held open", MANY * want.held, want.held_s, True),
            (self._slow, open_now, SLOW, want.unfinished, want.held_s, True),
        ):
            for i, count, _ in window.follow(keys, contacts["client"], contacts["ts"], steps, threshold, 1):
                found.append((int(contacts["row"][i]), Finding(action, count, threshold, seconds, many)))
        return sorted(found)

    def _busy(self, rows: npt.NDArray[np.void]) -> list[tuple[int, Finding]]:
        """Requests over connections that stay open, by source and service: those of long connections count with the
        share that fits into the window.
        """
        at = np.flatnonzero(rows["client_packets"] >= REQUESTS_LEAST)
        rows = rows.take(at)
        ended = rows["kind"] == Change.ENDED
        web = (ended | (rows["kind"] == Change.PROGRESS)) & (rows["proto"] == TCP) & WEB[rows["server_port"]]
        found = []
        for place, over, row in zip(at[web].tolist(), ended[web].tolist(), rows.compress(web), strict=True):
            sent, seconds = int(row["client_packets"]), max(int(row["last"] - row["first"]) / SECOND, 1.0)
            size, answered = int(row["client_bytes"]) / sent, 2 * int(row["server_packets"]) >= sent
            before = self._going.pop(int(row["flow"])) or 0
            if not over:
                self._going.put(int(row["flow"]), sent)
            if not (REQUEST_SIZES[0] <= size <= REQUEST_SIZES[1] and answered and sent >= REQUESTS_RATE * seconds):
                continue
            key = tuple(int(row[name]) for name in ("client_hi", "client_lo", "server_hi", "server_lo", "server_port"))
            new = round(max(sent - before, 0) * min(1.0, self.options.window_s / seconds))
            count, want = self._requests.add(key, int(row["ts"]), new), self.options
            if self._busy_flows.add(key, int(row["flow"]), int(row["ts"])) < REQUESTS_CONNECTIONS:
                continue
            for many, threshold in ((False, want.requests), (True, MANY * want.requests)):
                if threshold <= count:
                    found.append((place, Finding("requests", count, threshold, want.window_s, many)))
        return found

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        if flow.client in self._exempt:
            return
        if numbers.action == SLOW and flow.client not in self._small_windows:
            return
        reported = (flow.client, flow.server, flow.server_port, numbers.action, numbers.many)
        if not self._reported.fresh(reported, flow.ts):
            return
        actor, target = client_of(flow), server_of(flow)
        threshold, window = numbers.threshold, numbers.window_s
        requests = numbers.action == "requests"
        unit = "requests over connections that stay open" if requests else "answered connections"
        what = (
            f"sent {numbers.connections} requests to"
            if requests
            else f"{numbers.action} {numbers.connections} connections to"
        )
        severe = numbers.many or is_fixed_function(self.context, actor)
        yield self.alert(
            flow,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} {what} tcp/{flow.server_port} of {who(self.context, target)}",
            why=(f"{numbers.connections} {unit} within {window} s (threshold {threshold})",),
            numbers={"connections": numbers.connections, "threshold": threshold, "window_s": window},
            key=(addresses.text(flow.server), flow.server_port, numbers.action),
            severity=Severity.medium if severe else Severity.low,
            confidence=0.7 if numbers.many else 0.5,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
        )
