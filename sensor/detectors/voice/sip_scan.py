"""One source asks for many SIP extensions or hosts that refuse or do not answer; or its program is one that only scans.

Exchanges ask many phones too, but phones that answer: a contact failed where the answer is an error, or none came. A challenge for credentials (401, 407)
is neither; whoever knows the password answers it within seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import detector
from sensor.core.addresses import text
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.windows import DistinctWindow
from sensor.detectors._one import OneByOne, number_of
from sensor.detectors._words import PROTOCOLS, is_fixed_function, some, who
from sensor.dissectors.sip import SipRequest, SipResponse

SECOND = 1_000_000_000
KEY_BITS, PAIR_BITS, WAIT_BITS = 10, 13, 12
METHODS = ("REGISTER", "INVITE", "OPTIONS")
# User agents of programs that exist to scan (SIPVicious and its offspring, sipcli, pplsip, the VaxVoIP kit as guessers use it).
SCANNERS = re.compile(
    r"friendly-scanner|friendly-request|sipvicious|sip-?scan|sundayddr|sipcli|pplsip|vaxs?ipuseragent|\bsmap\b|\biwar\b|siparmyknife", re.IGNORECASE
)


class Options(detector.Options):
    """When so many extensions or hosts are a scan."""

    targets: int = Field(10, ge=2, description="extensions or hosts that failed and are a scan")
    window_s: int = Field(300, ge=10, le=3600, description="seconds in which they must fall")
    grace_s: float = Field(4.0, gt=0, le=30, description="seconds to wait for an answer")
    share: float = Field(0.5, ge=0, le=1, description="failed share of all that were asked, at least")


class SipScan(EventDetector):
    """Watches REGISTER, INVITE and OPTIONS and the answers to them."""

    title = "SIP scan"
    severity = Severity.medium
    techniques = ("T1595",)
    advice = (
        "Block the source at the border, do not offer SIP to the internet without need, and look whether any extension accepted a registration "
        "or a call from it."
    )
    false_positives = "An exchange whose phones are switched off; a test tool of the telephone people."
    Options = Options
    watches = (SipRequest, SipResponse)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._lit = False
        self._extensions, self._hosts = self._window(), self._window()

    def _window(self) -> OneByOne:
        want = self.options
        window = DistinctWindow(want.window_s * SECOND, KEY_BITS, PAIR_BITS, int(want.grace_s * SECOND), WAIT_BITS)
        window.rule(threshold=want.targets, share=want.share)
        return OneByOne(window)

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, SipRequest) and event.method in METHODS:
            yield from self._request(event)
        elif isinstance(event, SipResponse) and event.method in METHODS:
            self._answer(event)

    def _request(self, event: SipRequest) -> Iterator[Alert]:
        packet = event.packet
        found = self._extensions.opened(number_of(text(packet.src)), number_of(_extension(event)), event.ts)
        hosts = self._hosts.opened(number_of(text(packet.src)), packet.dst, event.ts)
        if SCANNERS.search(event.user_agent):
            yield self._tool(event)
        elif found and self._lit:
            yield self._told(event, found[0], found[1], "extensions", ())
        elif hosts and self._lit:
            yield self._told(event, hosts[0], hosts[1], "hosts", tuple(Subject(0, value, packet.vlan) for value in hosts[2]))

    def _answer(self, event: SipResponse) -> None:
        """A response goes to the one who asked."""
        packet = event.packet
        self._lit = True
        if event.status == 100 or event.status in (401, 407):
            return
        key, extension = number_of(text(packet.dst)), number_of(_extension(event))
        if event.status < 400:
            self._extensions.answered(key, extension, event.ts)
            self._hosts.answered(key, packet.src, event.ts)
        else:
            self._extensions.failed(key, extension, event.ts)

    def _tool(self, event: SipRequest) -> Alert:
        source = Subject(event.packet.src_mac, event.packet.src, event.packet.vlan)
        return self._made(
            event,
            f"{who(self.context, source)} scans SIP with {event.user_agent}",
            (f"the user agent {event.user_agent!r} belongs to a program that scans", f"it sent {event.method} for {_extension(event) or event.uri}"),
            {"user_agent": event.user_agent, "method": event.method},
            (),
        )

    def _told(self, event: SipRequest, failed: int, answered: int, what: str, targets: tuple[Subject, ...]) -> Alert:
        want = self.options
        source = Subject(event.packet.src_mac, event.packet.src, event.packet.vlan)
        why = [f"{failed} {what} refused or did not answer within {want.window_s} s; counts from {want.targets} on", f"{answered} others answered"]
        if targets:
            why.append(f"among them {some([text(target.address) for target in targets])}")
        numbers: dict[str, int | float | str] = {"failed": failed, "answered": answered, "threshold": want.targets, "window_s": want.window_s}
        return self._made(event, f"{who(self.context, source)} tried {failed} SIP {what} in vain", tuple(why), numbers, targets)

    def _made(self, event: SipRequest, summary: str, why: tuple[str, ...], numbers: dict[str, int | float | str], targets: tuple[Subject, ...]) -> Alert:
        packet = event.packet
        direction = self.context.networks.direction(packet.src, packet.dst)
        actor, target = Subject(packet.src_mac, packet.src, packet.vlan), Subject(packet.dst_mac, packet.dst, packet.vlan)
        return self.alert(
            event,
            actor=actor,
            target=target,
            targets=(target, *targets),
            summary=summary,
            why=why,
            numbers=numbers,
            severity=Severity.high if is_fixed_function(self.context, actor) else Severity.medium,
            actor_port=packet.sport,
            target_port=packet.dport,
            network={"proto": PROTOCOLS.get(packet.proto, ""), "app": "sip", "vlan": packet.vlan, "direction": direction},
        )


def _extension(event: SipRequest | SipResponse) -> str:
    """Whom the request is about: the user part of To."""
    user, at, _ = event.callee.rpartition("@")
    return user if at else event.callee
