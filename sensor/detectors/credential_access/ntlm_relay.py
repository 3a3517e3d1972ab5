"""NTLM relay: the server challenge, or the client response to it, is seen in two conversations that meet in one host.

That host is a client of the one server and acts as the server for its victim. Both values are random, so a repetition
is not a coincidence. If the two conversations use different protocols, there is no benign reason. If they use the same
protocol, a proxy may be between them, which is common in front of web servers (low severity), and rare in front of file
servers and directories. Victims connect to the standard port: a client that uses another port uses a port forward, by
which intruders reach the server through a host that they control (medium severity).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.hosts import ends_of, network_of_packet, who
from sensor.dissectors.shared.ntlm_events import NtlmChallenge, NtlmLogin

SEEN_LIMIT, REPORTED_LIMIT = 4096, 1024
PROXIED = frozenset(("http",))
STANDARD_PORTS = {"smb": frozenset((139, 445)), "ldap": frozenset((389, 636, 3268, 3269))}


class Options(detector.Options):
    """How long an authentication may take, and which hosts are exempt."""

    window_s: int = Field(60, ge=1, le=3600, description="maximum time between the two conversations, in seconds")
    every_s: int = Field(3600, ge=60, le=86400, description="seconds until the same three hosts may be reported again")


class _Seen(NamedTuple):
    """Where a value was seen: hosts, protocol, time."""

    client: Subject
    server: Subject
    carrier: str
    ts: int
    port: int


class _Assessment(NamedTuple):
    """What the host in the middle did, and how sure that is."""

    verb: str
    severity: Severity
    confidence: float
    techniques: tuple[str, ...]
    why: str


class NtlmRelay(EventDetector):
    """Watches NTLM challenges and responses."""

    title = "NTLM relay"
    severity = Severity.high
    techniques = ("T1557.001",)
    advice = (
        "Isolate the relaying host and review what it did at the server under the victim's account. Require SMB and "
        "LDAP signing and extended protection for web servers. Find out what made the victim authenticate (name "
        "poisoning, coerced authentication)."
    )
    false_positives = "A proxy or load balancer that terminates connections and whose both sides are captured."
    Options = Options
    watches = (NtlmChallenge, NtlmLogin)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._seen: Bounded[tuple[bool, str], _Seen] = self.tables.add("seen", Bounded(SEEN_LIMIT))
        self._reported: Recent[tuple[int, int, int]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.every_s * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        return {NtlmChallenge: field("nonce").filled(), NtlmLogin: field("proof").filled()}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, NtlmChallenge | NtlmLogin):
            return
        challenge = isinstance(event, NtlmChallenge)
        value = event.nonce if isinstance(event, NtlmChallenge) else event.proof
        if not value:
            return
        ends = ends_of(event.packet, answer=challenge)
        here = _Seen(ends.actor, ends.target, event.carrier, event.ts, ends.target_port)
        before = self._seen.get((challenge, value))
        self._seen.put((challenge, value), here)
        if before is None or not 0 <= event.ts - before.ts <= self.options.window_s * SECOND:
            return
        for near, far in ((here, before), (before, here)):  # whichever was captured first
            if (
                near.server.address == far.client.address
                and self._apart(near.client, far.server)
                and self._apart(near.server, far.server)
            ):
                yield from self._relayed(event, near, far)
                return

    def _apart(self, one: Subject, other: Subject) -> bool:
        """Whether both are known to be different hosts."""
        near, far = self.context.device(one), self.context.device(other)
        return one.address != other.address and not (near is not None and far is not None and near.id == far.id)

    def _relayed(self, event: NtlmChallenge | NtlmLogin, near: _Seen, far: _Seen) -> Iterator[Alert]:
        """``near``: between the victim and the relaying host; ``far``: between that and the server."""
        if not self._reported.fresh((near.client.address, near.server.address, far.server.address), event.ts):
            return
        middle, judged = far.client, self._judged(near, far)
        victim, server, name = who(self.context, near.client), who(self.context, far.server), who(self.context, middle)
        account = f" of {event.user}" if isinstance(event, NtlmLogin) and event.user else ""
        number = (
            "the NTLM challenge of the server"
            if isinstance(event, NtlmChallenge)
            else "the NTLM response of the victim"
        )
        yield self.alert(
            event,
            actor=middle,
            target=far.server,
            targets=(far.server, near.client),
            summary=f"{name} {judged.verb} the NTLM authentication{account} from {victim} to {server}",
            why=(
                (
                    f"{number} was seen twice: between {victim} and {name} ({near.carrier.upper()}), and between "
                    f"{name} and {server} ({far.carrier.upper()})"
                ),
                *filter(None, (judged.why,)),
            ),
            numbers={"conversations": 2, "threshold": 2, "window_s": self.options.window_s},
            key=(near.client.address, far.server.address),
            severity=judged.severity,
            confidence=judged.confidence,
            techniques=judged.techniques,
            network={
                **network_of_packet(self.context, event.packet, far.carrier),
                "direction": self.context.networks.direction(middle.address, far.server.address),
            },
        )

    def _judged(self, near: _Seen, far: _Seen) -> _Assessment:
        if near.carrier != far.carrier:
            why = "the two conversations use different protocols, which a proxy does not change"
            return _Assessment("relayed", Severity.critical, 0.95, self.techniques, why)
        if near.carrier in PROXIED:
            why = "a proxy in front of a web server does the same"
            return _Assessment("relayed", Severity.low, 0.4, self.techniques, why)
        if near.port not in STANDARD_PORTS.get(near.carrier, (near.port,)):
            why = f"the client used port {near.port}: a port forward"
            return _Assessment("forwarded", Severity.medium, 0.7, ("T1090.001", "T1557.001"), why)
        return _Assessment("relayed", self.severity, 0.95, self.techniques, "")
