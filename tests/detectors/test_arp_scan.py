"""ARP and IPv6 neighbor scans: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.arp import ArpReply, ArpRequest
from sensor.dissectors.ndp import NdpNeighbourAdvertisement, NdpNeighbourSolicitation
from sensor.dissectors.tcp_syn import TcpSyn
from tests.detectors.stories import START, World, detector, device, inspected

SCAN = "discovery.arp_scan"
SCANNER, OTHER = 0x020000000066, 0x020000000001


def asks(at: float, target: str, *, mac: int = SCANNER, sender: str = "10.0.0.66") -> Event:
    return ArpRequest(
        Packet(
            ts=START + int(at * SECOND), src_mac=mac, dst_mac=(1 << 48) - 1, ethertype=0x0806, ip_version=0, proto=0
        ),
        mac,
        parse(sender),
        parse(target),
    )


def answers(at: float, sender: str, *, mac: int = SCANNER, target: str = "10.0.0.66") -> Event:
    return ArpReply(
        Packet(ts=START + int(at * SECOND), src_mac=OTHER, dst_mac=mac, ethertype=0x0806, ip_version=0, proto=0),
        OTHER,
        parse(sender),
        parse(target),
    )


def test_many_targets_that_do_not_answer_are_a_scan() -> None:
    """Many targets without a reply, in any order, are a scan; the alert contains targets and numbers."""
    story = [
        asks(0, "10.0.0.1"),
        answers(0.1, "10.0.0.1"),
        *(asks(1 + n * 0.5, f"10.0.0.{2 + n * 37 % 250}") for n in range(60)),
    ]
    [alert] = inspected(detector(SCAN), story)
    assert (alert.actor.mac, alert.actor.address) == (SCANNER, parse("10.0.0.66"))
    assert alert.numbers["unanswered"] == 40
    assert alert.numbers["answered"] == 1
    assert len(alert.targets) == 32
    [alert] = inspected(detector(SCAN, World(device("printer", "10.0.0.66"))), story)
    assert alert.severity == Severity.high


def test_neighbors_that_do_not_answer_are_a_scan() -> None:
    """Solicitations for many IPv6 addresses without an answer are a scan; a host that checks its own addresses, and a
    router whose neighbors answer, raise no alert.
    """

    def packet(at: float, source: str, mac: int, to: int) -> Packet:
        return Packet(ts=START + int(at * SECOND), src_mac=mac, dst_mac=to, proto=58, src=parse(source))

    def solicits(at: float, target: str, sender: str = "fd00::66") -> Event:
        return NdpNeighbourSolicitation(
            packet(at, sender, SCANNER, 0x3333FF000001), SCANNER, parse(sender) if sender != "::" else 0, parse(target)
        )

    def advertises(at: float, target: str) -> Event:
        return NdpNeighbourAdvertisement(packet(at, target, OTHER, SCANNER), OTHER, parse(target), False, True, False)

    story = [solicits(0, "fd00::1"), advertises(0.1, "fd00::1")]
    story += [solicits(1 + n * 0.5, f"fd00::{2 + n * 37 % 250:x}") for n in range(60)]
    [alert] = inspected(detector(SCAN), story)
    assert (alert.actor.mac, alert.actor.address, alert.numbers["unanswered"]) == (SCANNER, parse("fd00::66"), 40)
    assert alert.network["proto"] == "icmpv6"
    assert {target.address >> 64 for target in alert.targets} == {parse("fd00::") >> 64}
    assert inspected(detector(SCAN), [solicits(n, f"fd00::{n:x}", "::") for n in range(1, 99)]) == []
    answered = [each for n in range(99) for each in (solicits(n, f"fd00::{n:x}"), advertises(n + 0.1, f"fd00::{n:x}"))]
    assert inspected(detector(SCAN), answered) == []


def test_without_replies_in_sight_only_an_orderly_walk_is_a_scan() -> None:
    """On a port with broadcasts only, ascending or descending targets are a scan; a gateway's requests are not."""
    up = [asks(n * 0.01, f"10.0.0.{n + 1}") for n in range(100)]
    assert len(inspected(detector(SCAN), up)) == 1
    assert len(inspected(detector(SCAN), [asks(n * 0.01, f"10.0.0.{200 - n}") for n in range(100)])) == 1
    reordered = [asks(n * 0.01, f"10.0.0.{n + (2, 3, 1, 2)[n % 4]}") for n in range(100)]
    assert len(inspected(detector(SCAN), reordered)) == 1
    assert inspected(detector(SCAN), [asks(n * 0.5, f"10.0.0.{2 + n * 37 % 250}") for n in range(100)]) == []
    assert inspected(detector(SCAN), [asks(n * 0.5, f"10.0.{n % 50 // 4}.{n % 4 + n // 50}") for n in range(100)]) == []


def test_a_gateway_that_refreshes_is_quiet() -> None:
    """A gateway that requests hundreds of present and a few absent hosts raises no alert."""
    story: list[Event] = []
    for n in range(240):
        story.append(asks(n * 0.2, f"10.0.0.{n + 1}", sender="10.0.0.254"))
        if n % 7:
            story.append(answers(n * 0.2 + 0.001, f"10.0.0.{n + 1}", target="10.0.0.254"))
    assert inspected(detector(SCAN), story) == []


def test_a_slow_trickle_is_quiet() -> None:
    """Forty targets in an hour are below the threshold."""
    assert (
        inspected(detector(SCAN), [answers(0, "10.0.0.1"), *(asks(60 + n * 60, f"10.0.0.{n + 1}") for n in range(60))])
        == []
    )


def test_a_router_that_passes_on_a_scan_is_low_and_exempt_ones_are_quiet() -> None:
    """A gateway that requests addresses because of an external scan, and a hub that looks for its devices, are low; a
    camera is not, and exempt hosts raise no alert.
    """
    story = [answers(0, "10.0.0.1"), *(asks(1 + n * 0.1, f"10.0.0.{n + 1}") for n in range(100))]
    gateway = device("nas", "10.0.0.66")
    gateway.roles = frozenset(("gateway",))
    for searcher in (device("router", "10.0.0.66"), device("hub", "10.0.0.66"), gateway):
        [alert] = inspected(detector(SCAN, World(searcher)), story)
        assert alert.severity == Severity.low
    [alert] = inspected(detector(SCAN, World(device("camera", "10.0.0.66"))), story)
    assert alert.severity == Severity.high
    assert inspected(detector(SCAN, exempt_macs=("02:00:00:00:00:66",)), story) == []


def test_a_gateway_that_passes_on_a_scan_is_low() -> None:
    """Packets of another subnet came with the MAC of the scanner and a decreased hop limit, or hosts send it packets
    for other subnets: it may only forward the scan. Packets of its own subnet, those of other MACs, and forged ones
    with the hop limit of a sender change nothing.
    """

    def opens(source: str, mac: int = SCANNER, to: str = "10.0.0.1", to_mac: int = 0, ttl: int = 63) -> Event:
        packet = Packet(
            ts=START, src_mac=mac, dst_mac=to_mac, src=parse(source), dst=parse(to), ip_version=4, proto=6, ttl=ttl
        )
        return TcpSyn(packet, 1024, ("mss",), 1460)

    story = [answers(0, "10.0.0.1"), *(asks(1 + n * 0.1, f"10.0.0.{n + 1}") for n in range(60))]
    through = opens("10.0.0.7", OTHER, "10.1.0.66", SCANNER, 128)
    for forwarded in (opens("10.1.0.66"), through):
        [alert] = inspected(detector(SCAN), [asks(0, "10.0.0.1"), forwarded, *story])
        assert (alert.severity, alert.actor.address, alert.confidence) == (Severity.low, parse("10.0.0.66"), 0.5)
    forged = [opens("10.1.0.66", ttl=ttl) for ttl in (32, 64, 128, 255)]
    for other in (opens("10.0.0.66"), opens("10.1.0.66", OTHER), *forged, opens("10.0.0.7", OTHER, to_mac=SCANNER)):
        [alert] = inspected(detector(SCAN), [asks(0, "10.0.0.1"), other, *story])
        assert alert.severity == Severity.medium


def test_repetition_is_reported_once_a_window() -> None:
    """Ten rounds within minutes are one alert, reported again when it grows, not for each round."""
    story = [answers(0, "10.0.0.1"), *(asks(1 + n * 0.1, f"10.0.0.{n % 200 + 1}") for n in range(2000))]
    assert [alert.numbers["unanswered"] for alert in inspected(detector(SCAN), story)] == [40, 160]
