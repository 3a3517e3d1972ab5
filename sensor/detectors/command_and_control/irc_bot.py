"""Botnet controlled over IRC: commands for attacks, scans and downloads in a channel, reports of bots, and nicknames
that bots generate; and fixed-function devices that log in to IRC.

A workstation with ordinary nickname and messages raises no alert.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.hosts import Ends, ends_of, is_fixed_function, network_of_packet, who
from sensor.dissectors.irc import IrcLogin, IrcOrder

REPORTED_LIMIT = 4096
# Commands of bot families (SDBot, Agobot, RBot, Kaiten, ShellBot, Perl and PHP bots), with any prefix.
ORDERS = lazy_pattern(
    r"^[^A-Za-z\[]{0,3}\s?(?:(?:adv|scan|asn?|ntscan|root|http|ssh|telnet|ddos)\.?(?:scan(?:all)?|start|flood|stop|syn|"
    r"udp|ack|random)|advscan|scanall|asc|ddos|(?:syn|udp|tcp|ack|http|icmp|ping|s?k)flood|udp|syn|tcp|tsunami|pan|"
    r"unknown|httpflood|slowloris|wget|download|dl|update|upd|exec(?:ute)?|system|shell|sh|cmd|visit|spread|keylog|"
    r"getcdkeys|redirect|socks[45]?|rar|uninstall|killmd?|die|nc|back|portscan|tcpflood|googleflood|sqlflood|mail|"
    r"eval)\b",
    re.IGNORECASE,
)
REPORTS = lazy_pattern(
    r"^\[(?:scan|ddos|syn|udp|tcp|icmp|http|main|download|update|exec|keylog|ftp|tftp|exploit|lsass|dcom|asn|"
    r"spread|socks4?|threads?)[\w ./|-]*\]",
    re.IGNORECASE,
)
# A country, a system or a long number in a nickname: "[DEU|XP]12345", "{US-7}kxqz", "XP|00|4711", "n{USA|W7a}abc".
NAMES = lazy_pattern(
    r"^[\[{(]{0,2}(?:new|n|p|00|\d)?[\[{(|-]{0,2}(?:[A-Z]{2,3}|XP|W7|WIN\w{0,4}|2K3?|VIS|LNX?|NT|X86|MIPS|"
    r"ARM\w{0,3})[\]})|\\-]{1,3}.{0,16}(?:\d{3,}|[a-z]{5,})$|^[A-Z]{2,4}\|[\w|]{1,12}\|\d{3,}$",
)


class Options(detector.Options):
    """How often it is reported."""

    again_s: int = Field(
        3600, ge=10, description="seconds until the same kind of evidence between the same hosts may be reported again"
    )


class IrcBot(EventDetector):
    """Watches logins and messages that begin like commands."""

    title = "Botnet controlled over IRC"
    severity = Severity.high
    techniques = ("T1071",)
    advice = (
        "Isolate the host and identify the IRC client program. Block the server at the border, and look for other "
        "hosts that contact it."
    )
    false_positives = (
        "Chat bots and their commands in channels of users; a user or an IRC bouncer with a "
        "nickname like that of a bot."
    )
    Options = Options
    watches = (IrcLogin, IrcOrder)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.again_s * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        return {IrcOrder: field("text").matches(ORDERS) | field("text").matches(REPORTS)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, IrcLogin):
            yield from self._login(event)
        elif isinstance(event, IrcOrder):
            if ORDERS.search(event.text) and not event.from_client:
                yield from self._found(
                    event, "received a command over IRC from", f"command in {event.to}: {event.text!r}", 0.85
                )
            elif REPORTS.search(event.text):
                yield from self._found(event, "sent a bot's report over IRC to", f"report: {event.text!r}", 0.85)

    def _login(self, event: IrcLogin) -> Iterator[Alert]:
        if NAMES.search(event.nick):
            reason = f"the nickname {event.nick!r} consists of a country, a system or a number, as those of bots"
            yield from self._found(event, "logged in over IRC with a bot's nickname to", reason, 0.75)
        elif is_fixed_function(self.context, ends_of(event.packet).actor):
            reason = f"a fixed-function device logged in as {event.nick!r}"
            yield from self._found(event, "logged in over IRC to", reason, 0.8)

    def _found(self, event: Event, action: str, reason: str, confidence: float) -> Iterator[Alert]:
        packet = event.packet
        answer = packet.direction == 1
        ends: Ends = ends_of(packet, answer=answer)
        if not self._reported.fresh((ends.actor.address, ends.target.address, action), packet.ts):
            return
        yield self.alert(
            event,
            actor=ends.actor,
            target=ends.target,
            summary=f"{who(self.context, ends.actor)} {action} {who(self.context, ends.target)}",
            why=(reason,),
            numbers={"signs": 1, "threshold": 1},
            key=(ends.target.address,),
            confidence=confidence,
            actor_port=ends.actor_port,
            target_port=ends.target_port,
            network=network_of_packet(self.context, packet, "irc", answer=answer),
        )
