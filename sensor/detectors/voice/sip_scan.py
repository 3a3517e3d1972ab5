"""SIP scan: one source requests many SIP extensions or hosts that reject or do not answer; or its user agent is a
scanning tool.

A PBX contacts many phones too, but phones that answer: a contact failed where the answer is an error, or none came. A
challenge for credentials (401, 407) is neither; a client with the password answers it within seconds.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.addresses import text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.flow_detector import sized_window
from sensor.detectors.shared.addresses import addresses_in
from sensor.detectors.shared.event_window import EventWindow, number_of, number_of_address
from sensor.detectors.shared.hosts import Numbers, ends_of, is_fixed_function, network_of_packet, who
from sensor.dissectors.sip import SipRequest, SipResponse

KEY_BITS, PAIR_BITS, WAIT_BITS = 10, 13, 12
TOOLS_LIMIT = 4096
CHALLENGES = (401, 407)
METHODS = ("REGISTER", "INVITE", "OPTIONS")
# User agents of scanners (SIPVicious and derivatives, sipcli, pplsip, the VaxVoIP kit as used for guessing).
SCANNERS = lazy_pattern(
    r"friendly-scanner|friendly-request|sipvicious|sip-?scan|sundayddr|sipcli|pplsip|vaxs?ipuseragent|\bsmap\b|"
    r"\biwar\b|siparmyknife",
    re.IGNORECASE,
)

Found = tuple[int, int, list[int]] | None


class Options(detector.Options):
    """When extensions or hosts are a scan."""

    targets: int = Field(10, ge=2, description="threshold: extensions or hosts that failed")
    window_s: int = Field(300, ge=10, le=3600, description="time window in seconds")
    grace_s: float = Field(4.0, gt=0, le=30, description="seconds after which a request is unanswered")
    share: float = Field(0.5, ge=0, le=1, description="minimum share of failed requests")


class SipScan(EventDetector):
    """Watches REGISTER, INVITE and OPTIONS and the answers to them."""

    title = "SIP scan"
    severity = Severity.medium
    techniques = ("T1595", "T1046")
    advice = (
        "Block the source at the border, do not expose SIP to the internet without need, and check whether an "
        "extension accepted a registration or call from it."
    )
    false_positives = "A PBX whose phones are off; a telephony test tool."
    decisive = {"targets": "failed"}
    Options = Options
    watches = (SipRequest, SipResponse)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._two_way = False
        self._reported_tools: Recent[tuple[int, str]] = self.tables.add("reported_tools", Recent(TOOLS_LIMIT, SECOND))
        self._extensions = self.tables.include("extensions", self._window())
        self._hosts = self.tables.include("hosts", self._window())

    def _window(self) -> EventWindow:
        want = self.options
        window = sized_window(
            self.context, want.window_s * SECOND, KEY_BITS, PAIR_BITS, int(want.grace_s * SECOND), WAIT_BITS
        )
        window.rule(threshold=want.targets, share=want.share)
        return EventWindow(window)

    def wants(self) -> dict[type[Event], Want]:
        return {SipRequest: field("method").is_in(*METHODS), SipResponse: field("method").is_in(*METHODS)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, SipRequest) and event.method in METHODS:
            yield from self._request(event)
        elif isinstance(event, SipResponse) and event.method in METHODS:
            yield from self._response(event)

    def _request(self, event: SipRequest) -> Iterator[Alert]:
        packet = event.packet
        key, extension = number_of_address(packet.src), number_of(_extension(event))
        extensions = self._extensions.opened(key, extension, event.ts)
        hosts = self._hosts.opened(key, number_of_address(packet.dst), event.ts)
        if _is_scanner(event.user_agent):
            if self._reported_tools.fresh((packet.src, event.user_agent), event.ts):
                yield self._tool(event)
        elif self._two_way:
            yield from self._alert(event, extensions, hosts)

    def _response(self, event: SipResponse) -> Iterator[Alert]:
        """A response goes to the client."""
        packet = event.packet
        self._two_way = True
        if event.status == 100 or event.status in CHALLENGES:
            return
        key, extension = number_of_address(packet.dst), number_of(_extension(event))
        if event.status < 400:
            self._extensions.answered(key, extension, event.ts)
            self._hosts.answered(key, number_of_address(packet.src), event.ts)
        else:
            yield from self._alert(event, self._extensions.failed(key, extension, event.ts), None)

    def _tool(self, event: SipRequest) -> Alert:
        agent = event.user_agent
        why = (
            f"the user agent {agent!r} belongs to a scanning tool",
            f"it sent {event.method} for {_extension(event) or event.uri}",
        )
        return self._made(event, f"scanned SIP with {agent}", why, {"user_agent": agent, "method": event.method}, ())

    def _alert(self, event: SipRequest | SipResponse, extensions: Found, hosts: Found) -> Iterator[Alert]:
        want = self.options
        for what, found in (("extensions", extensions), ("hosts", hosts)):
            if found is None:
                continue
            failed, answered, sample = found
            hosts_in = addresses_in(sample) if what == "hosts" else ()
            targets = tuple(Subject(0, address, event.packet.vlan) for address in hosts_in)
            why = [
                f"{failed} {what} rejected or did not answer within {want.window_s} s (threshold {want.targets})",
                f"{answered} others answered",
            ]
            if targets:
                why.append(f"including {some([text(target.address) for target in targets])}")
            numbers: Numbers = {
                "failed": failed,
                "answered": answered,
                "threshold": want.targets,
                "window_s": want.window_s,
            }
            yield self._made(
                event, f"scanned {failed} SIP {what} that rejected or did not answer", tuple(why), numbers, targets
            )

    def _made(
        self,
        event: SipRequest | SipResponse,
        what: str,
        why: tuple[str, ...],
        numbers: Numbers,
        targets: tuple[Subject, ...],
    ) -> Alert:
        answer = isinstance(event, SipResponse)
        actor, target, actor_port, target_port = ends_of(event.packet, answer=answer)
        return self.alert(
            event,
            actor=actor,
            target=target,
            targets=(target, *targets),
            summary=f"{who(self.context, actor)} {what}",
            why=why,
            numbers=numbers,
            severity=Severity.high if is_fixed_function(self.context, actor) else Severity.medium,
            actor_port=actor_port,
            target_port=target_port,
            network=network_of_packet(self.context, event.packet, "sip", answer=answer),
        )


def _extension(event: SipRequest | SipResponse) -> str:
    """The extension in a request: the user part of To."""
    user, at, _ = event.callee.rpartition("@")
    return user if at else event.callee


@functools.lru_cache(maxsize=1024)
def _is_scanner(agent: str) -> bool:
    return SCANNERS.search(agent) is not None
