"""Data exchanged in ICMP echo messages: the payload contains IP packets or text, replies return other data than the
requests, sizes vary, both hosts send requests with data, the requests of one host contain much data or different
content each time, or replies without a request contain much data.

A reply returns the data of the request unchanged (RFC 792). Replies may be shorter: some hosts truncate long ones.
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
from sensor.core.time_units import SECOND
from sensor.counting.tally import Counts, Distinct
from sensor.detectors.shared.hosts import ends_of, is_fixed_function, network_of_packet, who
from sensor.dissectors.icmp import IcmpEcho, IcmpEchoReply

QUESTIONS_LIMIT, PAIRS_LIMIT, SIZES_LIMIT = 4096, 1024, 64
AGAIN = 300 * SECOND
# More bytes of an echo request than ping programs send, and bits of entropy per byte of compressed or encrypted data of
# that size.
LARGE, DISORDERED = 200, 6.0
# Bits per byte by which the entropies of contents must differ: a time or a counter in one text changes it less.
SPREAD = 0.2

Pair = tuple[int, int]

# Indicators of data that flows one way.
ONE_WAY = ("volume", "unasked", "contents")


class Options(detector.Options):
    """When echo messages are a tunnel."""

    window_s: int = Field(600, ge=10, le=86400, description="time window in seconds")
    packets: int = Field(3, ge=1, description="threshold: echo messages that contain an IP packet")
    other_answers: int = Field(5, ge=2, description="threshold: replies with data that differs from the request")
    both: int = Field(
        10, ge=2, description="threshold: echo requests without a padding pattern from each of two hosts to the other"
    )
    volume: int = Field(
        60_000,
        ge=1000,
        description="threshold: bytes in large echo requests, or replies to no request, without a padding pattern",
    )
    contents: int = Field(
        10, ge=3, le=SIZES_LIMIT, description="threshold: different texts or tables in large echo requests"
    )
    sizes: int = Field(
        12, ge=3, le=SIZES_LIMIT, description="threshold: distinct sizes of echo messages without a padding pattern"
    )


class Content(NamedTuple):
    """Data of a request: bytes as sent, bytes captured, bits per byte."""

    size: int
    shown: int
    disorder: float

    def is_other(self, reply: IcmpEchoReply) -> bool:
        """Whether a reply has other data. Replies may be shorter, and beginnings of different lengths, as with a VLAN
        tag in one direction of a truncated capture, prove nothing.
        """
        return reply.size > self.size or (
            reply.size == self.size and reply.shown == self.shown and reply.disorder != self.disorder
        )


class IcmpTunnel(EventDetector):
    """Watches echo requests and replies by pair of addresses."""

    title = "ICMP tunneling"
    severity = Severity.high
    adjusts_severity = True
    techniques = ("T1095", "T1572")
    advice = (
        "Identify the program that sends these pings. Allow ping across the border for monitoring only, and drop echo "
        "requests with large payloads at the firewall."
    )
    false_positives = (
        "Path MTU tests; programs that put their own text into pings (low severity if it is always the same)."
    )
    Options = Options
    watches = (IcmpEcho, IcmpEchoReply)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._requested: Bounded[tuple[int, int, int, int], Content] = self.tables.add(
            "requested", Bounded(QUESTIONS_LIMIT)
        )
        self._packets: Counts[Pair] = self.tables.add("packets", Counts(window, PAIRS_LIMIT))
        self._others: Counts[Pair] = self.tables.add("others", Counts(window, PAIRS_LIMIT))
        self._sizes: Distinct[Pair, int] = self.tables.add("sizes", Distinct(window, PAIRS_LIMIT, SIZES_LIMIT))
        self._contents: Distinct[Pair, float] = self.tables.add("contents", Distinct(window, PAIRS_LIMIT, SIZES_LIMIT))
        self._requests: Counts[Pair] = self.tables.add("requests", Counts(window, PAIRS_LIMIT))
        self._volume: Counts[Pair] = self.tables.add("volume", Counts(window, PAIRS_LIMIT))
        self._unasked_volume: Counts[Pair] = self.tables.add("unasked_volume", Counts(window, PAIRS_LIMIT))
        self._reported: Recent[tuple[Pair, str]] = self.tables.add("reported", Recent(PAIRS_LIMIT, AGAIN))

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if isinstance(event, IcmpEcho):
            content = Content(event.size, event.shown, event.disorder)
            self._requested.put((packet.src, packet.dst, event.id, event.sequence), content)
            return iter(()) if event.carries == "pattern" else self._request(event, (packet.src, packet.dst))
        if isinstance(event, IcmpEchoReply):
            requested = self._requested.get((packet.dst, packet.src, event.id, event.sequence))
            other = requested is not None and requested.is_other(event)
            if requested is None and event.carries == "data":
                return self._unasked(event, (packet.src, packet.dst))
            if other or event.carries != "pattern":
                return self._evaluate(event, (packet.dst, packet.src), other=other)
        return iter(())

    def _unasked(self, event: IcmpEchoReply, pair: Pair) -> Iterator[Alert]:
        """A reply with data without a request: firewalls permit replies. Its sender is the actor."""
        threshold, large = self.options.volume, event.size >= LARGE and event.disorder >= DISORDERED
        volume = self._unasked_volume.add(pair, event.ts, event.size if large else 0)
        if volume >= threshold:
            reason = (
                f"{volume:,} bytes of high-entropy data in echo replies of at least {LARGE} bytes to no request "
                f"(threshold {threshold:,})"
            )
            yield from self._alert_of(event, pair, "unasked", reason, volume, threshold)
        yield from self._evaluate(event, (pair[1], pair[0]), other=False)

    def _request(self, event: IcmpEcho, pair: Pair) -> Iterator[Alert]:
        """A request with data; its replies may return it unchanged."""
        yield from self._evaluate(event, pair, other=False)
        want, ts = self.options, event.ts
        if event.size >= LARGE and event.disorder < DISORDERED and event.carries in ("text", "data"):
            contents = self._contents.add(pair, event.disorder, ts)
            entropies = self._contents.values(pair) if contents >= want.contents else [0.0]
            if max(entropies) - min(entropies) >= SPREAD:
                reason = f"{contents} different contents in large echo requests (threshold {want.contents})"
                yield from self._alert_of(event, pair, "contents", reason, contents, want.contents)
        if event.carries != "data":
            return
        sent, back = self._requests.add(pair, ts), self._requests.add((pair[1], pair[0]), ts, 0)
        volume = self._volume.add(pair, ts, event.size if event.size >= LARGE and event.disorder >= DISORDERED else 0)
        if min(sent, back) >= want.both:
            reason = f"{sent} and {back} echo requests with data from each host to the other (threshold {want.both})"
            yield from self._alert_of(event, (min(pair), max(pair)), "requests", reason, min(sent, back), want.both)
        if volume >= want.volume:
            reason = (
                f"{volume:,} bytes of high-entropy data in echo requests of at least {LARGE} bytes (threshold "
                f"{want.volume})"
            )
            yield from self._alert_of(event, pair, "volume", reason, volume, want.volume)

    def _evaluate(self, event: IcmpEcho | IcmpEchoReply, pair: Pair, *, other: bool) -> Iterator[Alert]:
        want, ts = self.options, event.ts
        packets = self._packets.add(pair, ts, event.carries == "packet")
        others = self._others.add(pair, ts, other)
        sizes = self._sizes.add(pair, event.size, ts) if event.carries else 0
        if packets >= want.packets:
            yield from self._alert_of(
                event,
                pair,
                "packets",
                f"{packets} echo messages contained an IP packet (threshold {want.packets})",
                packets,
                want.packets,
            )
        if others >= want.other_answers:
            reason = f"{others} replies contain data that differs from the request (threshold {want.other_answers})"
            yield from self._alert_of(event, pair, "answers", reason, others, want.other_answers)
        if sizes >= want.sizes:
            yield from self._alert_of(
                event,
                pair,
                "sizes",
                f"echo messages with {sizes} distinct payload sizes (threshold {want.sizes})",
                sizes,
                want.sizes,
            )
        if event.carries == "text":
            yield from self._alert_of(event, pair, "text", f"an echo message of {event.size} bytes contains text", 1, 1)

    def _alert_of(
        self, event: IcmpEcho | IcmpEchoReply, pair: Pair, what: str, reason: str, value: int, threshold: int
    ) -> Iterator[Alert]:
        """``what``: the indicator; each is reported once in five minutes."""
        if not self._reported.fresh((pair, what), event.ts):
            return
        answer = isinstance(event, IcmpEchoReply) and what != "unasked"
        actor, target, _, _ = ends_of(event.packet, answer=answer)
        text = what == "text"
        severity = (
            Severity.low if text else Severity.critical if is_fixed_function(self.context, actor) else Severity.high
        )
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)} exchanged {'text' if text else 'data'} with {who(self.context, target)} "
                "in ICMP echo messages"
            ),
            why=(reason, "ping programs send a padding pattern and receive it unchanged"),
            numbers={
                what: value,
                "threshold": threshold,
                "window_s": self.options.window_s,
                "size": event.size,
                "disorder": event.disorder,
            },
            key=(pair[1], "text" if text else "data"),
            severity=severity,
            confidence=0.6 if text else 0.9,
            techniques=(*self.techniques, "T1048.003") if what in ONE_WAY else None,
            network=network_of_packet(self.context, event.packet, answer=answer),
        )
