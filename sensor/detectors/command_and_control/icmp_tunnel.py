"""Data travels in pings: the echo carries packets or text, answers bring other data than the questions held, sizes vary with what is said.

An echo is returned as it came (RFC 792), so that an answer with other data is no answer at all. Answers may be shorter: some machines cut long ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.tally import Counts, Distinct
from sensor.detectors._words import ends_of, is_fixed_function, network_of_packet, who
from sensor.dissectors.icmp import IcmpEcho, IcmpEchoReply

SECOND = 1_000_000_000
QUESTIONS_LIMIT, PAIRS_LIMIT, SIZES_LIMIT = 4096, 1024, 64
AGAIN = 300 * SECOND

Pair = tuple[int, int]


class Options(detector.Options):
    """When pings are a tunnel."""

    window_s: int = Field(600, ge=10, le=86400, description="seconds over which a pair's echoes are counted")
    packets: int = Field(3, ge=1, description="echoes that carry a whole IP packet")
    other_answers: int = Field(5, ge=2, description="answers that bring other data than their question held")
    sizes: int = Field(12, ge=3, le=SIZES_LIMIT, description="different sizes of echoes that carry neither a pattern nor nothing")


class IcmpTunnel(EventDetector):
    """Watches echoes and their answers by pair of addresses."""

    title = "ICMP tunnel"
    severity = Severity.high
    weighs_itself = True
    techniques = ("T1095",)
    advice = "Look which program sends these pings; let only monitoring ping across the border, and let the firewall cut or refuse echoes with large data."
    false_positives = "Programs that measure the largest packet size or put a text of their own into pings (low severity)."
    Options = Options
    watches = (IcmpEcho, IcmpEchoReply)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._asked: Bounded[tuple[int, int, int, int], tuple[int, float]] = Bounded(QUESTIONS_LIMIT)
        self._packets: Counts[Pair] = Counts(window, PAIRS_LIMIT)
        self._others: Counts[Pair] = Counts(window, PAIRS_LIMIT)
        self._sizes: Distinct[Pair, int] = Distinct(window, PAIRS_LIMIT, SIZES_LIMIT)
        self._told: Recent[tuple[Pair, str]] = Recent(PAIRS_LIMIT, AGAIN)

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if packet.truncated:
            return iter(())
        if isinstance(event, IcmpEcho):
            self._asked.put((packet.src, packet.dst, event.id, event.sequence), (event.size, event.disorder))
            return iter(()) if event.carries == "pattern" else self._judge(event, (packet.src, packet.dst), other=False)
        if isinstance(event, IcmpEchoReply):
            asked = self._asked.get((packet.dst, packet.src, event.id, event.sequence))
            other = asked is not None and event.size >= asked[0] and asked != (event.size, event.disorder)
            if other or event.carries != "pattern":
                return self._judge(event, (packet.dst, packet.src), other=other)
        return iter(())

    def _judge(self, event: IcmpEcho | IcmpEchoReply, pair: Pair, *, other: bool) -> Iterator[Alert]:
        want, ts = self.options, event.ts
        packets = self._packets.add(pair, ts, event.carries == "packet")
        others = self._others.add(pair, ts, other)
        sizes = self._sizes.add(pair, event.size, ts) if event.carries else 0
        if packets >= want.packets:
            yield from self._told_of(
                event, pair, "packets", f"{packets} echoes carried a whole IP packet; counts from {want.packets} on", packets, want.packets
            )
        if others >= want.other_answers:
            reason = f"{others} answers brought other data than their question held; counts from {want.other_answers} on"
            yield from self._told_of(event, pair, "answers", reason, others, want.other_answers)
        if sizes >= want.sizes:
            yield from self._told_of(event, pair, "sizes", f"echoes with data of {sizes} different sizes; counts from {want.sizes} on", sizes, want.sizes)
        if event.carries == "text":
            yield from self._told_of(event, pair, "text", f"an echo of {event.size} bytes carries text", 1, 1)

    def _told_of(self, event: IcmpEcho | IcmpEchoReply, pair: Pair, what: str, reason: str, value: int, threshold: int) -> Iterator[Alert]:
        """``what``: which of the marks was met; each is told once in five minutes."""
        if not self._told.fresh((pair, what), event.ts):
            return
        answer = isinstance(event, IcmpEchoReply)
        actor, target, _, _ = ends_of(event.packet, answer=answer)
        text = what == "text"
        severity = Severity.low if text else Severity.critical if is_fixed_function(self.context, actor) else Severity.high
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} exchanges {'text' if text else 'data'} with {who(self.context, target)} in pings",
            why=(reason, "ping programs send bytes that count up or are all alike, and get them back as they were"),
            numbers={what: value, "threshold": threshold, "window_s": self.options.window_s, "size": event.size, "disorder": event.disorder},
            key=(pair[1], "text" if text else "data"),
            severity=severity,
            confidence=0.6 if text else 0.9,
            network=network_of_packet(self.context, event.packet, answer=answer),
        )
