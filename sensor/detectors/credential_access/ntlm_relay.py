"""A login by NTLM passes through a third host: the number that a server asks about, or the answer to it, is seen in two conversations that meet in one machine.

The machine in the middle is a client of the one server and plays the server for its victim. Both numbers are random, so that seeing one twice is no chance.
Where both conversations speak another protocol there is no innocent reason. Where both speak the same, a proxy may stand between them, as is usual in front
of web servers (low), and hardly ever in front of file servers and directories.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import Field

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.wants import Want, field
from sensor.detectors._words import network_of_packet, who
from sensor.dissectors._ntlm_events import NtlmChallenge, NtlmLogin

SECOND = 1_000_000_000
SEEN_LIMIT, TOLD_LIMIT = 4096, 1024
PROXIED = frozenset(("http",))


class Options(detector.Options):
    """How long a login may take, and who is not meant."""

    window_s: int = Field(60, ge=1, le=3600, description="seconds between the two conversations")
    every_s: int = Field(3600, ge=60, le=86400, description="seconds until the same three are told again")


class _Seen(NamedTuple):
    """Where a number was seen: between whom, inside which protocol, when."""

    client: Subject
    server: Subject
    carrier: str
    ts: int


class NtlmRelay(EventDetector):
    """Watches challenges of NTLM and the logins that answer them."""

    title = "NTLM login relayed through a third host"
    severity = Severity.high
    techniques = ("T1557.001",)
    advice = (
        "Take the machine in the middle off the network, look what it did at the server under the victim's name, require signatures for SMB and LDAP and "
        "extended protection for web servers, and find out what made the victim log in there (poisoned names, a coerced login)."
    )
    false_positives = "A proxy or load balancer that takes whole connections apart and stands between two places that are both seen."
    Options = Options
    watches = (NtlmChallenge, NtlmLogin)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._seen: Bounded[tuple[bool, str], _Seen] = Bounded(SEEN_LIMIT)
        self._told: Recent[tuple[int, int, int]] = Recent(TOLD_LIMIT, self.options.every_s * SECOND)

    def wants(self) -> dict[type[Event], Want]:
        return {NtlmChallenge: field("nonce").filled(), NtlmLogin: field("proof").filled()}

    def inspect(self, event: Event) -> Iterator[Alert]:
        asked = isinstance(event, NtlmChallenge)
        number = event.nonce if isinstance(event, NtlmChallenge) else event.proof if isinstance(event, NtlmLogin) else ""
        if not number or not isinstance(event, NtlmChallenge | NtlmLogin):
            return
        packet = event.packet
        source, other = Subject(packet.src_mac, packet.src, packet.vlan), Subject(packet.dst_mac, packet.dst, packet.vlan)
        here = _Seen(other, source, event.carrier, event.ts) if asked else _Seen(source, other, event.carrier, event.ts)
        before = self._seen.get((asked, number))
        self._seen.put((asked, number), here)
        if before is None or not 0 <= event.ts - before.ts <= self.options.window_s * SECOND:
            return
        for near, far in ((here, before), (before, here)):  # whichever was captured first
            if near.server.address == far.client.address and self._apart(near.client, far.server) and self._apart(near.server, far.server):
                yield from self._relayed(event, near, far)
                return

    def _apart(self, one: Subject, other: Subject) -> bool:
        """Whether both are different machines, as far as is known."""
        near, far = self.context.device(one), self.context.device(other)
        return one.address != other.address and not (near is not None and far is not None and near.id == far.id)

    def _relayed(self, event: NtlmChallenge | NtlmLogin, near: _Seen, far: _Seen) -> Iterator[Alert]:
        """``near``: the victim at the machine in the middle; ``far``: the latter at the server."""
        if not self._told.fresh((near.client.address, near.server.address, far.server.address), event.ts):
            return
        middle = far.client
        proxied = near.carrier == far.carrier and near.carrier in PROXIED
        victim, server, name = who(self.context, near.client), who(self.context, far.server), who(self.context, middle)
        account = f" of {event.user}" if isinstance(event, NtlmLogin) and event.user else ""
        number = "the challenge of the server" if isinstance(event, NtlmChallenge) else "the answer of the victim"
        yield self.alert(
            event,
            actor=middle,
            target=far.server,
            targets=(far.server, near.client),
            summary=f"{name} passes a login{account} from {victim} on to {server}",
            why=(
                f"{number} was seen twice: between {victim} and {name} ({near.carrier.upper()}), and between {name} and {server} ({far.carrier.upper()})",
                *(["a proxy in front of a web server does the same"] if proxied else []),
                *(["the two speak different protocols, which no proxy changes"] if near.carrier != far.carrier else []),
            ),
            numbers={"conversations": 2, "threshold": 2, "window_s": self.options.window_s},
            key=(near.client.address, far.server.address),
            severity=Severity.low if proxied else Severity.critical if near.carrier != far.carrier else self.severity,
            confidence=0.4 if proxied else 0.95,
            network={
                **network_of_packet(self.context, event.packet, far.carrier),
                "direction": self.context.networks.direction(middle.address, far.server.address),
            },
        )
