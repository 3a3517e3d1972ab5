"""Active OS fingerprinting, and attacks on TCP implementations."""

from __future__ import annotations

from typing import Any

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.icmp import IcmpEcho, IcmpQuery
from sensor.dissectors.tcp_syn import TcpOddFlags, TcpSyn
from tests.detectors.stories import START, World, detector, device, inspected

OS, ATTACK, TOOL = "discovery.os_fingerprint", "lateral_movement.exploit_tcp", "discovery.scanner_tool"
NMAP = (63, ("mss", "ws", "sok", "ts", "eol"), 1400, 0, 0xFFFFFFFF)
LINUX = (64240, ("mss", "sok", "ts", "nop", "ws"), 1460, 7, 12345)


def packet(at: float = 0, src: str = "10.0.0.66", dst: str = "10.0.0.5", proto: int = 6) -> Packet:
    return Packet(
        ts=START + int(at * SECOND),
        src=parse(src),
        dst=parse(dst),
        src_mac=0x66,
        dst_mac=0x05,
        sport=40000,
        dport=80,
        proto=proto,
    )


def test_impossible_segments() -> None:
    """Null, Xmas and SYN-FIN segments raise an alert with their flags; one kind is low, since it may be a fault, two
    are medium.
    """
    for flags, name in ((0, "none"), (0x29, "FIN+PSH+URG"), (3, "FIN+SYN")):
        unit = detector(OS)
        [hint] = inspected(unit, [TcpOddFlags(packet(), flags, 1024), TcpOddFlags(packet(1), flags, 1024)])
        assert name in hint.summary
        assert (hint.techniques[0].technique, hint.severity) == ("T1046", Severity.low)
        [alert] = inspected(unit, [TcpOddFlags(packet(2), 0x20, 1024)])
        assert (alert.severity, alert.numbers["kinds"], alert.key) == (Severity.medium, 2, hint.key)


def test_a_flood_with_invalid_flags() -> None:
    """The sources of a flood are spoofed: few are reported, unless one sends several kinds."""
    unit = detector(OS)
    flood = [TcpOddFlags(packet(n / 100, f"198.51.100.{n}"), 0x29, 1024) for n in range(1, 200)]
    assert len(inspected(unit, flood)) == 8
    [alert] = inspected(unit, [TcpOddFlags(packet(3, "198.51.100.99"), 0, 1024)])
    assert alert.numbers["kinds"] == 2


def test_two_softer_signs() -> None:
    """Nmap's SYNs, ICMP timestamp or mask requests, echoes with a code: two of them raise an alert, one does not."""
    signs: list[Any] = [
        TcpSyn(packet(0), *NMAP), IcmpQuery(packet(1, proto=1), "timestamp", 20),
        IcmpQuery(packet(2, proto=1), "mask", 12),
        IcmpEcho(packet(3, proto=1), 1, 295, 120, 0.0, 9),
    ]  # fmt: skip
    for sign in signs:
        assert inspected(detector(OS), [sign]) == []
    [alert] = inspected(detector(OS), signs)
    assert alert.numbers["kinds"] == 2


def test_the_search_for_hosts_before_a_scan() -> None:
    """A timestamp request and bare SYNs raise an alert; bare SYNs alone do not, as a small device may send them."""
    bare = [TcpSyn(packet(n), window, ("mss",), 1460) for n, window in enumerate((1024, 2048, 3072, 4096))]
    assert inspected(detector(OS), bare) == []
    [alert] = inspected(detector(OS), [*bare, IcmpQuery(packet(5, proto=1), "timestamp", 20)])
    assert (alert.numbers["kinds"], alert.severity) == (2, Severity.medium)


def test_from_a_printer_it_is_high_and_from_outside_low() -> None:
    """The severity depends on the actor."""
    world = World(device("printer", "10.0.0.66"))
    assert (
        inspected(detector(OS, world), [TcpOddFlags(packet(), flags, 1024) for flags in (0, 3)])[-1].severity
        == Severity.high
    )
    assert (
        inspected(detector(OS), [TcpOddFlags(packet(src="198.51.100.7"), flags, 1024) for flags in (0, 3)])[-1].severity
        == Severity.low
    )


def test_benign_twins_are_quiet() -> None:
    """Usual SYNs and pings, a monitoring system's timestamp requests, and the own scanner raise no alert."""
    events: list[Any] = [TcpSyn(packet(n), *LINUX) for n in range(20)] + [
        IcmpEcho(packet(n, proto=1), 1, n, 32) for n in range(20)
    ]
    assert inspected(detector(OS), events) == []
    assert inspected(detector(OS), [IcmpQuery(packet(n, proto=1), "timestamp", 20) for n in range(20)]) == []
    assert inspected(detector(OS, exempt=("10.0.0.66",)), [TcpOddFlags(packet(), 0, 1024)]) == []


def test_repetition_is_one_alert() -> None:
    """A fingerprinting of many packets is one alert for each target, first low, then more severe."""
    found = inspected(detector(OS), [TcpOddFlags(packet(n), flags, 1024) for n in range(60) for flags in (0, 0x29, 3)])
    assert ([alert.severity for alert in found], len({alert.key for alert in found})) == (
        [Severity.low, Severity.medium],
        1,
    )
    assert len(inspected(detector(OS), [TcpOddFlags(packet(n, dst=f"10.0.0.{n + 1}"), 0, 1024) for n in range(3)])) == 3


def test_attacks_on_tcp_itself() -> None:
    """A short authentication option, and SYN-FIN with urgent data, raise an alert once for each target and minute."""
    short, urgent = TcpSyn(packet(), 8192, ("ao",), broken=29), TcpOddFlags(packet(), 0x23, 8192)
    for event in (short, urgent):
        [alert] = inspected(detector(ATTACK), [event, event])
        assert (alert.techniques[0].technique, alert.severity) == ("T1210", Severity.high)
    assert (
        inspected(
            detector(ATTACK),
            [
                TcpSyn(packet(), *LINUX),
                TcpSyn(packet(), 512, ("mss",), broken=2),
                TcpOddFlags(packet(), 0x29, 1),
                TcpOddFlags(packet(), 3, 1),
            ],
        )
        == []
    )


def test_two_kinds_of_syns_of_one_source() -> None:
    """SYNs of Nmap and of a full TCP stack from one source raise an alert; each kind alone does not."""
    bare, own = TcpSyn(packet(1), 1024, ("mss",), 1460), TcpSyn(packet(), *LINUX)
    [alert] = inspected(detector(TOOL), [own, bare, bare, own])
    assert (alert.numbers["tool"], alert.severity) == ("Nmap", Severity.low)
    assert inspected(detector(TOOL), [bare] * 5) == []
    assert inspected(detector(TOOL), [own] * 5) == []
    assert inspected(detector(TOOL, exempt=("10.0.0.0/24",)), [own, bare]) == []
