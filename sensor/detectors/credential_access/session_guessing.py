"""Password guessing in encrypted sessions (SSH, RDP): one client opens many short sessions.

A failed login has a shape: key exchange, a few small messages in each direction, and the end, within a minute. One such
session is normal; a dozen in two minutes from one client to one server is a program that tries passwords. Programs that
run one command over SSH open sessions of the same shape: those whose first login the server accepted do not count. SSH
on other ports is known by its content: there, sessions with a rejected login count. If the capture contains packets of
one side only, that side is evaluated. A session whose end is missing from the capture counts if it is as short as the
others, and at least half as many as the threshold ended around its last packet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.flow import Change, Flow, Reason
from sensor.core.ip_protocols import TCP
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.counting.changes import Changes
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.ports import ports_in
from sensor.counting.tally import Counts, Distinct
from sensor.detectors.shared.hosts import Ends, client_of, ends_of, network_of, network_of_packet, server_of, who
from sensor.dissectors.ssh import SshLogin

PAIRS_LIMIT, LOGINS_LIMIT, REPORTED_LIMIT = 16384, 4096, 4096
SERVICES = {22: "SSH", 2222: "SSH", 3389: "RDP"}
# Minimum size of a session (version, key exchange), and its maximum without a successful login.
FEWEST_PACKETS, MOST_PACKETS = 6, 48
FEWEST_BYTES, MOST_BYTES = 900, 12_000
# The same content in more and smaller segments: limit of bytes without headers. Frames of at most TINY bytes on average
# are mostly headers, possibly with time stamps (RFC 7323).
HEADERS, STAMPED_HEADERS, TINY, MOST_CONTENT = 54, 66, 72, 6_000
LONGEST_S = 60
ENDED = -1
Pair = tuple[int, int, int]  # client, server and its port


class Options(detector.Options):
    """How many short sessions are guessing."""

    sessions: int = Field(10, ge=3, description="threshold: short sessions of one client at one server")
    hints: int = Field(6, ge=3, description="the same for low severity, if the sessions show rejected logins")
    window_s: int = Field(120, ge=10, le=3600, description="time window in seconds")
    ports: tuple[int, ...] = Field(tuple(SERVICES), description="ports of services with encrypted logins")


class SessionGuessing(FlowDetector, EventDetector):
    """Watches TCP flows to such services at their end, in columns, and SSH logins."""

    title = "Password guessing in encrypted sessions (SSH, RDP)"
    severity = Severity.medium
    techniques = ("T1110.001", "T1110")
    advice = (
        "Check the authentication log of the server for a successful login. Enable rate limiting and blocking of "
        "failed logins, use keys instead of passwords, and restrict the service to administrators."
    )
    false_positives = "Automation with outdated credentials that retries continuously; a scanner of host keys."
    decisive = {"sessions": "sessions"}
    watches = (SshLogin,)
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._ports = ports_in(self.options.ports)
        window = self.options.window_s * SECOND
        self._sessions: Counts[Pair] = self.tables.add("window", Counts(window, PAIRS_LIMIT))
        # By flow: time of its last login, and whether all were accepted.
        self._logins: Bounded[int, tuple[int, bool]] = self.tables.add("logins", Bounded(LOGINS_LIMIT))
        # On other ports, by pair: the flow with the last rejected login, and earlier ones, without an accepted one.
        self._rejecting: Bounded[Pair, int] = self.tables.add("rejecting", Bounded(PAIRS_LIMIT))
        self._rejected: Distinct[Pair, int] = self.tables.add("rejected", Distinct(window))
        self._newest: Bounded[Pair, int] = self.tables.add("newest", Bounded(PAIRS_LIMIT))
        self._reported: Recent[tuple[Pair, Severity]] = self.tables.add("reported", Recent(REPORTED_LIMIT, window))

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, SshLogin):
            return
        packet, now = event.packet, event.packet.ts
        if not self._ports[packet.sport]:
            yield from self._elsewhere(event)
            return
        _, accepted = self._logins.get(packet.flow) or (now, True)
        self._logins.put(packet.flow, (now, accepted and event.accepted))
        # Longer sessions do not count anyway.
        while (oldest := self._logins.oldest()) and now - oldest[1][0] > LONGEST_S * SECOND:
            self._logins.pop(oldest[0])

    def _elsewhere(self, event: SshLogin) -> Iterator[Alert]:
        """A login on another port. One that a client repeats with its next key, or password, is not yet rejected."""
        packet = event.packet
        pair = (packet.dst, packet.src, packet.sport)
        before = self._rejecting.get(pair)
        if event.accepted:
            if before == packet.flow:
                self._rejecting.pop(pair)
            return
        self._rejecting.put(pair, packet.flow)
        if before in (None, packet.flow):
            return
        count = self._rejected.add(pair, before, packet.ts)
        severity, threshold = self._grade(count, True)
        if count >= threshold and self._reported.fresh((pair, severity), packet.ts):
            ends = ends_of(packet, answer=True)
            yield self._alert(
                event, ends, ("the server rejected the logins of each of them",), count, severity, threshold,
                confidence=0.7, network=network_of_packet(self.context, packet, "ssh", answer=True),
            )  # fmt: skip

    def candidates(self, changes: Changes) -> Iterable[tuple[int, int]]:
        every = changes.of(Change.ENDED)
        rows = every.rows
        at = np.flatnonzero(
            self._ports[rows["server_port"]]
            & (rows["proto"] == TCP)
            & ((rows["answered"] != 0) | _one_way(rows, "server"))
        )
        if not len(at):
            return []
        ended = rows.take(at)
        fits = _fails(ended)
        at, ended = every.at[at[fits]], ended.compress(fits)
        lost = _unfinished(ended) & ~(_one_way(ended, "client") | _one_way(ended, "server"))
        return list(zip(at.tolist(), np.where(lost, ended["last"], ENDED).tolist(), strict=True))

    def evaluate(self, flow: Flow, numbers: int) -> Iterator[Alert]:
        """``numbers``: time of the last packet (ns) if the capture does not contain the end, else ENDED."""
        login = self._logins.pop(flow.uid)
        if login is not None and login[1]:
            return
        pair = (flow.client, flow.server, flow.server_port)
        if numbers == ENDED:
            self._newest.put(pair, flow.ts)
        elif not self._is_among_others(pair, numbers):
            return
        count = self._sessions.add(pair, flow.ts if numbers == ENDED else numbers)
        severity, threshold = self._grade(count, login is not None)
        if count >= threshold and self._reported.fresh((pair, severity), flow.ts):
            ends = Ends(client_of(flow), server_of(flow), 0, flow.server_port)
            both = flow.server_bytes and flow.client_bytes
            yield self._alert(
                flow, ends, _shape(flow), count, severity, threshold,
                confidence=0.7 if both else 0.5, network=network_of(self.context, flow),
            )  # fmt: skip

    def _grade(self, count: int, rejected: bool) -> tuple[Severity, int]:
        """Severity and threshold for a number of sessions; ``rejected``: the last one shows rejected logins."""
        want = self.options
        if rejected and count < want.sessions:
            return Severity.low, want.hints
        return self.severity, want.sessions

    def _is_among_others(self, pair: Pair, last: int) -> bool:
        """Whether enough sessions of the same two hosts ended around this time. Counts have eight parts of a window:
        of an earlier time nothing is known.
        """
        newest, window = self._newest.get(pair), self.options.window_s * SECOND
        if newest is None or not -window <= newest - last < window * 7 // 8:
            return False
        return 2 * self._sessions.add(pair, last, 0) >= int(self.options.sessions)

    def _alert(
        self, proof: Event | Flow, ends: Ends, why: tuple[str, ...], sessions: int, severity: Severity, threshold: int,
        *, confidence: float, network: dict[str, str | int],
    ) -> Alert:  # fmt: skip
        want, port = self.options, ends.target_port
        service = "SSH" if isinstance(proof, Event) else SERVICES.get(port, f"tcp/{port}")
        return self.alert(
            proof,
            actor=ends.actor,
            target=ends.target,
            summary=(
                f"{who(self.context, ends.actor)} guessed passwords of {service} on {who(self.context, ends.target)}, "
                f"{sessions} short sessions"
            ),
            why=(f"{sessions} short sessions ended within {want.window_s} s (threshold {threshold})", *why),
            numbers={"sessions": sessions, "threshold": threshold, "window_s": want.window_s},
            key=(ends.target.address, port),
            severity=severity,
            confidence=confidence,
            target_port=port,
            network=network,
        )


def _shape(flow: Flow) -> tuple[str, ...]:
    """What a flow has of a failed login."""
    return (
        *(() if flow.server_bytes else ("the capture contains no packet of the server",)),
        *(() if flow.client_bytes else ("the capture contains no packet of the client",)),
        (
            f"last: {(flow.ts - flow.first) / SECOND:.1f} s, {flow.client_bytes:,} bytes sent, "
            f"{flow.server_bytes} received, the shape of a failed login"
        ),
    )


def _fails(rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """For each ended flow whether it has the shape of a failed login; unfinished flows are ignored."""
    lacks = {side: _one_way(rows, side) for side in ("client", "server")}
    one_way = lacks["client"] | lacks["server"]
    # A connection ends when both ends closed it; if only one is visible or the end was lost, on a timeout.
    lost = _unfinished(rows)
    fits: npt.NDArray[np.bool_] = (rows["reason"] == Reason.FINISHED) | (rows["reason"] == Reason.RESET) | lost
    fits &= np.where(one_way | lost, rows["last"], rows["ts"]) - rows["first"] <= LONGEST_S * SECOND
    for side in ("client", "server"):
        packets, size = rows[f"{side}_packets"].astype(np.int64), rows[f"{side}_bytes"].astype(np.int64)
        short = (packets <= MOST_PACKETS) & (size <= MOST_BYTES)
        content = size - packets * np.where(size <= TINY * packets, STAMPED_HEADERS, HEADERS)
        shaped = (packets >= FEWEST_PACKETS) & (size >= FEWEST_BYTES) & (short | (content <= MOST_CONTENT))
        fits &= shaped | lacks[side]
    return fits


def _unfinished(rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """For each ended flow whether the capture does not contain its end."""
    found: npt.NDArray[np.bool_] = (rows["reason"] == Reason.IDLE) | (rows["reason"] == Reason.STOPPED)
    return found


def _one_way(rows: npt.NDArray[np.void], lacking: str) -> npt.NDArray[np.bool_]:
    """Sessions without a packet of one side, whose other side continues sending."""
    other = "client" if lacking == "server" else "server"
    found: npt.NDArray[np.bool_] = (rows[f"{lacking}_packets"] == 0) & (rows[f"{other}_packets"] >= FEWEST_PACKETS)
    return found
