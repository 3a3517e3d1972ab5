"""SNMP community guessing, SNMP sweeps and unexpected SNMP SET requests.

A manager has a community string, or a user, for an agent; some try a short list at first contact. Many at one agent are
guessing, and an answer afterwards shows that one was right. Managers query agents that answer; a source that queries
many silent hosts searches for agents. SET requests are rare: never from external hosts and fixed-function devices,
rarely from new managers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.ip_protocols import UDP
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.counting.flow_detector import sized_window
from sensor.counting.tally import Distinct
from sensor.detectors.shared.addresses import addresses_in
from sensor.detectors.shared.calls import CallDetector, CallOptions, pair_of
from sensor.detectors.shared.event_window import EventWindow, number_of_address
from sensor.detectors.shared.hosts import Numbers, ends_of, is_external, is_fixed_function
from sensor.dissectors.snmp import SnmpRequest, SnmpResponse

PAIRS_LIMIT, REPORTED_LIMIT = 2048, 4096
KEY_BITS, PAIR_BITS, WAIT_BITS = 10, 13, 12
GRACE_S = 5
# A host that queried an agent this long ago, and sets a value now, is its manager.
KNOWN_FOR = 3600 * SECOND
AGENT = 161
# Objects that copy a configuration: CISCO-CONFIG-COPY-MIB, and writeNet and hostConfigSet of OLD-CISCO-SYSTEM-MIB.
COPIES = ("1.3.6.1.4.1.9.9.96.1.1.", "1.3.6.1.4.1.9.2.1.53.", "1.3.6.1.4.1.9.2.1.55.")
# Programs that an agent runs: nsExtendObjects of NET-SNMP-EXTEND-MIB.
PROGRAMS = "1.3.6.1.4.1.8072.1.3.2."
# Devices whose drivers set values with every job.
SET_BY_DRIVERS = frozenset(("printer", "label_printer"))


class Options(CallOptions):
    """When queries are guessing, and which hosts may write."""

    communities: int = Field(
        5, ge=3, le=200, description="threshold: community strings or users that one source tried at one agent"
    )
    window_s: int = Field(600, ge=10, le=86400, description="time window in seconds")
    agents: int = Field(20, ge=3, description="threshold: hosts that did not answer one source")
    share: float = Field(0.7, ge=0, le=1, description="minimum share of queried hosts that did not answer")
    learn_h: float = Field(
        24, ge=0, le=2160, description="learning period of the network in hours, before a manager is new"
    )


class SnmpGuessing(CallDetector):
    """Watches queries by the keyed hash of their community string, and answers."""

    title = "SNMP community guessing or SET request"
    severity = Severity.medium
    techniques = ("T1110.001", "T1110")
    advice = (
        "Identify the program on the source. Replace weak community strings, use SNMPv3, restrict agents to their "
        "managers, and disable write access where it is not needed."
    )
    false_positives = (
        "Monitoring that tries a list of community strings at new devices; a management system in "
        "its first days: add it to `managers`."
    )
    decisive = {"communities": "tried", "agents": "silent"}
    Options = Options
    watches = (SnmpRequest, SnmpResponse)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        want = self.options
        self._tried: Distinct[tuple[int, int], str] = self.tables.add(
            "tried", Distinct(want.window_s * SECOND, PAIRS_LIMIT)
        )
        self._guessing: Bounded[tuple[int, int], int] = self.tables.add("guessing", Bounded(PAIRS_LIMIT))
        window = sized_window(self.context, want.window_s * SECOND, KEY_BITS, PAIR_BITS, GRACE_S * SECOND, WAIT_BITS)
        window.rule(threshold=want.agents, share=want.share)
        self._agents = self.tables.include("agents", EventWindow(window))
        self._reported: Recent[tuple[object, ...]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, want.window_s * SECOND)
        )
        self._set: Recent[tuple[int, int, bool]] = self.tables.add("set", Recent(REPORTED_LIMIT, 86_400 * SECOND))
        self._two_way = False

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, SnmpRequest):
            yield from self._guessed(event)
            yield from self._requested(event)
            if event.operation == "set":
                yield from self._sets(event)
        elif isinstance(event, SnmpResponse):
            yield from self._answered(event)

    def _guessed(self, event: SnmpRequest) -> Iterator[Alert]:
        """Different community strings, or SNMPv3 users, at one agent."""
        key = event.seal or (f"user {event.user}" if event.user else "")
        pair, want = pair_of(event.packet), self.options
        tried = self._tried.add(pair, key, event.ts) if key and not addresses.is_multicast(event.packet.dst) else 0
        if tried < want.communities:
            return
        self._guessing.put(pair, event.ts)
        if self._reported.fresh((*pair, tried.bit_length()), event.ts):
            what = "users" if key.startswith("user ") else "communities"
            why = (f"{tried} {what} within {want.window_s} s at one agent (threshold {want.communities})",)
            yield self.call_alert(
                event,
                f"tried {tried} SNMP {what} on",
                why,
                {"tried": tried, "threshold": want.communities, "window_s": want.window_s},
                app="snmp",
            )

    def _answered(self, event: SnmpResponse) -> Iterator[Alert]:
        pair = pair_of(event.packet, answer=True)
        self._two_way = True
        self._agents.answered(number_of_address(pair[0]), number_of_address(pair[1]), event.ts)
        since = self._guessing.get(pair)
        if since is None or event.operation == "report" or event.ts - since > self.options.window_s * SECOND:
            return
        self._guessing.pop(pair)
        if self._reported.fresh((*pair, "right"), event.ts):
            why = (
                "the agent answered during the guessing: one was valid",
                f"{len(self._tried.values(pair))} were tried",
            )
            numbers: Numbers = {"tried": len(self._tried.values(pair)), "threshold": self.options.communities}
            yield self.call_alert(
                event,
                "guessed an SNMP community string of",
                why,
                numbers,
                key=("right",),
                severity=Severity.high,
                answer=True,
                app="snmp",
            )

    def _requested(self, event: SnmpRequest) -> Iterator[Alert]:
        """Many hosts that do not answer."""
        packet, want = event.packet, self.options
        if addresses.is_multicast(packet.dst):
            return
        found = self._agents.opened(number_of_address(packet.src), number_of_address(packet.dst), event.ts)
        if found is None or not self._two_way or not self._reported.fresh((packet.src, "agents"), event.ts):
            return
        silent, answered, sample = found
        severe = Severity.high if is_fixed_function(self.context, ends_of(packet).actor) else Severity.low
        names = some(list(map(addresses.text, addresses_in(sample) or [packet.dst])))
        why = (
            f"{silent} hosts did not answer within {want.window_s} s (threshold {want.agents})",
            f"{answered} others did",
            f"including {names}",
        )
        numbers: Numbers = {"silent": silent, "answered": answered, "threshold": want.agents, "window_s": want.window_s}
        alert = self.call_alert(
            event,
            f"sent SNMP queries to {silent} hosts that did not answer, the last",
            why,
            numbers,
            severity=severe,
            techniques=("T1046",),
            confidence=0.7,
            app="snmp",
        )
        alert.key = f"{self.id}|{packet.src}|agents"  # one search, whichever agent is next
        yield alert

    def _sets(self, event: SnmpRequest) -> Iterator[Alert]:
        ends, names = ends_of(event.packet), event.names
        copies, runs = any(name.startswith(COPIES) for name in names), any(name.startswith(PROGRAMS) for name in names)
        if not self._set.fresh((ends.actor.address, ends.target.address, copies or runs), event.ts):
            return
        grade, reason = self._grade_of_set(event, copies, runs)
        if grade is not None:
            why = (reason, f"{some(list(names), 3)} as {event.community or event.user or 'an unknown user'}")
            techniques = ("T1602.002",) if copies else ("T1059",) if runs else ("T1078",)
            numbers: Numbers = {"variables": len(names), "threshold": 1}
            yield self.call_alert(
                event,
                "sent SNMP SET requests to",
                why,
                numbers,
                key=("set", copies or runs),
                severity=grade,
                techniques=techniques,
                confidence=0.8,
                app="snmp",
            )

    def _grade_of_set(self, event: SnmpRequest, copies: bool, runs: bool) -> tuple[Severity | None, str]:
        ends = ends_of(event.packet)
        target = self.context.device(ends.target)
        if copies:
            return Severity.high, "these values make a network device copy its configuration"
        if runs:
            return Severity.high, "these values make a host run a program"
        if len(self._tried.values(pair_of(event.packet))) >= self.options.communities:
            return Severity.high, "the manager tried many community strings"
        if is_external(self.context, ends.actor, ends.target):
            return Severity.high, "the manager is external"
        if is_fixed_function(self.context, ends.actor):
            return Severity.high, "a fixed-function device manages no other device"
        known = self.context.baseline.first_use(ends.actor, ends.target, UDP << 16 | AGENT)
        if known and event.ts - known > KNOWN_FOR:
            return None, ""
        if target is not None and target.type in SET_BY_DRIVERS:
            return Severity.info, "print software sets values on printers"
        if self.context.baseline.age_h(event.ts) < self.options.learn_h:
            return Severity.low, "the learning period is not over: the manager may be an existing one"
        return Severity.medium, "it never queried this agent before"
