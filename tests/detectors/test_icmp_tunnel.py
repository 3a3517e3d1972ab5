"""ICMP tunnels: the attacks, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.icmp import IcmpEcho, IcmpEchoReply
from tests.detectors.stories import START, World, detector, device, inspected, one

TUNNEL = "command_and_control.icmp_tunnel"


def ping(at: float, size: int = 56, disorder: float = 5.5, carries: str = "pattern", problem: int = 0) -> Event:
    packet = Packet(
        ts=START + int(at * SECOND), src=parse("10.0.0.66"), dst=parse("203.0.113.9"), proto=1, problem=problem
    )
    return IcmpEcho(packet, 7, int(at), size, disorder, 0, carries)


def turned(at: float) -> Event:
    """An echo request of the other host."""
    packet = Packet(ts=START + int(at * SECOND), src=parse("203.0.113.9"), dst=parse("10.0.0.66"), proto=1)
    return IcmpEcho(packet, 9, int(at), 64, 5.5, 0, "data")


def pong(at: float, size: int = 56, disorder: float = 5.5, carries: str = "pattern") -> Event:
    packet = Packet(ts=START + int(at * SECOND) + 1000, src=parse("203.0.113.9"), dst=parse("10.0.0.66"), proto=1)
    return IcmpEchoReply(packet, 7, int(at), size, disorder, 0, carries)


def test_packets_inside_pings() -> None:
    alert = one(inspected(detector(TUNNEL), [ping(n, 84, 5.1, "packet") for n in range(5)]))
    assert (alert.severity, alert.numbers["packets"], alert.techniques[0].technique) == (Severity.high, 3, "T1095")
    assert (alert.actor.address, alert.target and alert.target.address) == (parse("10.0.0.66"), parse("203.0.113.9"))


def test_answers_that_are_none() -> None:
    """A reply with other data raises an alert with the requester as actor; a fixed-function device is severe."""
    story = [each for n in range(6) for each in (ping(n, 64, 2.0, "data"), pong(n, 64, 4.0, "data"))]
    alert = one(inspected(detector(TUNNEL, World(device("camera", "10.0.0.66"))), story))
    assert (alert.severity, alert.numbers["answers"], alert.actor.address) == (Severity.critical, 5, parse("10.0.0.66"))


def test_sizes_that_vary_with_what_is_reported() -> None:
    assert inspected(detector(TUNNEL), [ping(n, 40 + 7 * n, 6.0, "data") for n in range(14)])[0].numbers["sizes"] == 12


def test_replies_that_return_the_data() -> None:
    """Returned encrypted data of one size raises an alert: much in one direction, or requests of both hosts."""
    full = [
        each
        for n in range(60)
        for each in (ping(n, 1200, 7.5 + n / 1000, "data"), pong(n, 1200, 7.5 + n / 1000, "data"))
    ]
    assert one(inspected(detector(TUNNEL), full)).numbers["volume"] == 60_000
    found = inspected(
        detector(TUNNEL), [each for n in range(30) for each in (ping(n, 64, 5.5, "data"), turned(n + 0.5))]
    )
    assert one([alert for alert in found if "requests" in alert.numbers]).numbers["requests"] == 10


def test_a_file_in_pings() -> None:
    """A text file in large echo requests (hping3 --file) is a transfer: each has other content."""
    story = [ping(n, 1000, 4.5 + n * 0.07 % 0.9, ("text", "data")[n % 2]) for n in range(20)]
    found = [alert for alert in inspected(detector(TUNNEL), story) if alert.severity == Severity.high]
    assert one(found).numbers["contents"] == 10
    assert "T1048.003" in [each.technique for each in found[0].techniques]
    counted = [ping(n, 1000, 4.5 + n / 1000, "data") for n in range(60)]
    assert inspected(detector(TUNNEL), counted) == []
    small = [ping(n, 100, 4.5 + n * 0.07 % 0.9, "data") for n in range(60)]
    assert inspected(detector(TUNNEL), small) == []


def test_text_in_one_ping_is_a_hint() -> None:
    [alert] = inspected(detector(TUNNEL), [ping(0, 140, 3.0, "text"), ping(1, 140, 3.0, "text")])
    assert alert.severity == Severity.low


def beginning(sent: IcmpEcho | IcmpEchoReply, shown: int) -> Event:
    """An echo of which a capture has the first bytes."""
    packet = sent.packet
    cut = Packet(ts=packet.ts, src=packet.src, dst=packet.dst, proto=1, problem=1)
    return type(sent)(cut, sent.id, sent.sequence, sent.size, sent.disorder, 0, sent.carries, shown)


def test_truncated_echoes() -> None:
    """Packets inside pings, sizes, and replies whose beginning differs are a tunnel in a truncated capture too; replies
    with a tag, of which four bytes less are captured, are none.
    """
    sizes = [beginning(ping(n, 100 + 7 * n, 6.0, "data"), 86) for n in range(14)]
    packets = [beginning(ping(n, 1000, 5.1, "packet"), 86) for n in range(5)]
    replies = [
        each
        for n in range(6)
        for each in (beginning(ping(n, 900, 6.1, "data"), 86), beginning(pong(n, 900, 6.2, "data"), 86))
    ]
    for story, indicator in ((sizes, "sizes"), (packets, "packets"), (replies, "answers")):
        alert = one(inspected(detector(TUNNEL), story))
        assert (alert.severity, indicator in alert.numbers) == (Severity.high, True)
    tagged = [beginning(each, 86 - 4 * (n % 2)) for n, each in enumerate(replies)]
    assert inspected(detector(TUNNEL), tagged) == []


def test_benign_twins_are_quiet() -> None:
    """Pings and replies, path MTU discovery, truncated replies, captures with too little of each echo, random data of
    one size, large repetitive data, and two hosts of which one sends data raise no alert.
    """
    assert inspected(detector(TUNNEL), [ping(n, 1400, 5.0, "data") for n in range(60)]) == []
    assert inspected(detector(TUNNEL), [ping(n, 56, 5.5) if n % 2 else turned(n) for n in range(60)]) == []
    story: list[Event] = []
    for n in range(60):
        story += [
            ping(n),
            pong(n),
            ping(100 + n, 1400 + n),
            pong(100 + n, 64),
            ping(200 + n, 64, 5.0 + n / 100, "data"),
            pong(200 + n, 64, 5.0 + n / 100, "data"),
        ]
        story += [ping(300 + n, 50 + n, 4.0, "", problem=1), ping(400 + n, 0, 0, "")]
    assert inspected(detector(TUNNEL), story) == []


def test_repetition_is_one_finding() -> None:
    """A tunnel is reported once in five minutes with one key."""
    found = inspected(detector(TUNNEL), [ping(n, 84, 5.1, "packet") for n in range(700)])
    assert len(found) == 3
    assert one(found)


def unasked(at: float, size: int = 1200, carries: str = "data") -> Event:
    """An echo reply of the internal host without a request."""
    packet = Packet(ts=START + int(at * SECOND), src=parse("10.0.0.66"), dst=parse("203.0.113.9"), proto=1)
    return IcmpEchoReply(packet, 7, int(at), size, 7.5, 0, carries)


def test_unsolicited_replies() -> None:
    """Data in unsolicited replies raises an alert with their sender as actor; solicited replies and padding do not."""
    alert = one(inspected(detector(TUNNEL), [unasked(n) for n in range(120)]))
    assert (alert.numbers["unasked"], alert.actor.address) == (60_000, parse("10.0.0.66"))
    assert inspected(detector(TUNNEL), [unasked(n, carries="pattern") for n in range(120)]) == []
    assert inspected(detector(TUNNEL), [unasked(n, 56) for n in range(120)]) == []
