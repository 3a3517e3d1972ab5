"""DHCP starvation."""

from __future__ import annotations

from sensor.core.addresses import V4, parse
from sensor.core.alert import Severity
from sensor.core.batch import Problem
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.dhcp import DhcpAck, DhcpDecline, DhcpDiscover, DhcpOther, DhcpRelease, DhcpRequest
from sensor.dissectors.dhcpv6 import Dhcpv6Reply, Dhcpv6Solicit
from tests.detectors.stories import START, detector, inspected

STARVED = "impact.dhcp_starvation"
ATTACKER = 0x0200000000EE


def request(
    at: float,
    mac: int,
    *,
    sender: int = 0,
    xid: int = 7,
    relay: str = "",
    kind: type[DhcpDiscover | DhcpRequest] = DhcpDiscover,
    address: str = "",
) -> Event:
    packet = Packet(
        ts=START + int(at * SECOND), src=V4, dst=parse("255.255.255.255"), src_mac=sender or mac, sport=68, dport=67
    )
    return kind(packet, 1, xid, mac, relay=parse(relay) if relay else 0, address=parse(address) if address else 0)


def ack(at: float, mac: int) -> Event:
    return DhcpAck(
        Packet(ts=START + int(at * SECOND), src=parse("10.0.0.1"), src_mac=1), 5, 7, mac, offered=parse("10.0.0.9")
    )


def test_a_hundred_clients_at_once() -> None:
    """A hundred clients that do not complete a lease raise an alert."""
    [alert] = inspected(detector(STARVED), [request(n / 10, 0x4000 + n) for n in range(150)])
    assert (alert.numbers["count"], alert.severity) == (100, Severity.high)
    assert alert.techniques[0].technique == "T1499.002"


def test_starvation_behind_a_relay() -> None:
    """Starvation behind a relay is detected where the capture contains the server's messages."""
    served = DhcpAck(
        Packet(ts=START - SECOND, src=parse("10.0.0.1"), src_mac=1),
        5,
        7,
        0x3FFF,
        offered=parse("10.0.9.9"),
        relay=parse("10.0.9.1"),
    )
    found = inspected(
        detector(STARVED), [served, *(request(n / 10, 0x4000 + n, sender=1, relay="10.0.9.1") for n in range(150))]
    )
    assert [alert.numbers["count"] for alert in found] == [100]


def test_one_machine_plays_many_clients() -> None:
    """Many client addresses in frames with one source MAC raise an alert."""
    found = inspected(detector(STARVED), [request(n / 10, 0x4000 + n, sender=ATTACKER) for n in range(50)])
    assert (found[0].actor.mac, found[0].numbers["count"], found[0].actor.address) == (ATTACKER, 10, V4)
    assert len(found) == 1


def test_one_client_that_begins_ever_new_questions() -> None:
    """Sixty transactions of one client within a minute raise an alert."""
    assert (
        inspected(detector(STARVED), [request(n / 10, 0x4000, sender=ATTACKER, xid=n) for n in range(80)])[0].numbers[
            "count"
        ]
        == 60
    )


def given_up(
    n: int, *, sender: int = ATTACKER, ttl: int = 64, kind: type[DhcpRelease | DhcpDecline] = DhcpRelease
) -> Event:
    packet = Packet(
        ts=START + n * SECOND, src=parse(f"10.0.0.{n + 2}"), dst=parse("10.0.0.1"), src_mac=sender, sport=68, dport=67,
        ttl=ttl,
    )  # fmt: skip
    return kind(packet, 7, n, 0x4000 + n, address=parse(f"10.0.0.{n + 2}"), server=parse("10.0.0.1"))


def test_leases_of_others_are_given_up() -> None:
    """Ten leases that one MAC releases or declines for other hosts raise an alert about it. Hosts that give up their
    own, those of another network behind a router, and one that gives up its own again and again raise none.
    """
    for kind in (DhcpRelease, DhcpDecline):
        [alert] = inspected(detector(STARVED), [given_up(n, kind=kind) for n in range(40)])
        ends = (alert.actor.mac, alert.actor.address, alert.target and alert.target.address)
        assert ends == (ATTACKER, 0, parse("10.0.0.1"))
        assert (alert.numbers["count"], alert.numbers["threshold"], alert.severity) == (10, 10, Severity.high)
    for story in (
        [given_up(n, sender=0x4000 + n) for n in range(40)],
        [given_up(n, ttl=63) for n in range(40)],
        [given_up(1, sender=ATTACKER) for _ in range(40)],
    ):
        assert inspected(detector(STARVED), story) == []


def test_truncated_messages() -> None:
    """Without message types, client messages count as requests, and messages with an assigned address as leases."""
    found = inspected(detector(STARVED), [beginning(n / 10, 0x4000 + n) for n in range(150)])
    assert [alert.numbers["count"] for alert in found] == [100]
    served = [one for n in range(300) for one in (beginning(n / 10, 0x4000 + n), beginning(n / 10, 0x4000 + n, True))]
    bootp = [beginning(n / 10, 0x4000 + n, problem=0) for n in range(300)]
    assert inspected(detector(STARVED), served) == inspected(detector(STARVED), bootp) == []


def beginning(at: float, mac: int, served: bool = False, problem: int = Problem.CUT) -> Event:
    """A message that the capture truncated before its options."""
    packet = Packet(ts=START + int(at * SECOND), src_mac=1 if served else mac, sport=67 + (not served), problem=problem)
    return DhcpOther(packet, 0, 7, mac, offered=parse("10.0.0.9") if served else 0)


def test_benign_twins_are_quiet() -> None:
    """Hosts that get leases after a power cut, messages of a relay (with and without a server), renewals, and clients
    that retry raise no alert.
    """
    crowd = [event for n in range(300) for event in (request(n / 10, 0x4000 + n), ack(n / 10 + 0.01, 0x4000 + n))]
    relayed = [request(n, 0x4000 + n, sender=ATTACKER, relay="10.0.9.1") for n in range(90)]
    renewals = [request(n / 10, 0x4000 + n, kind=DhcpRequest, address="10.0.0.7") for n in range(300)]
    again = [request(n, 0x4000, xid=n // 4) for n in range(60)]
    one_way = [request(n / 10, 0x4000 + n, sender=1, relay="10.0.9.1") for n in range(300)]
    for story in (crowd, relayed, renewals, again, one_way):
        assert inspected(detector(STARVED), story) == []
    assert (
        inspected(
            detector(STARVED, exempt_macs=("02:00:00:00:00:ee",)),
            [request(n, 0x4000 + n, sender=ATTACKER) for n in range(50)],
        )
        == []
    )


def test_repetition_is_one_alert() -> None:
    """An attack of five minutes is reported once a minute with one key."""
    found = inspected(detector(STARVED), [request(n / 10, 0x4000 + n, sender=ATTACKER) for n in range(3000)])
    assert len({alert.key for alert in found if alert.actor.mac == ATTACKER}) <= 2
    assert len(found) <= 12


def solicit(at: float, duid: str, *, sender: int = 0x4000, relay: int = 0) -> Event:
    """A DHCPv6 client looks for servers."""
    packet = Packet(
        ts=START + int(at * SECOND), src=parse("fe80::9"), dst=parse("ff02::1:2"), src_mac=sender, sport=546, dport=547
    )
    return Dhcpv6Solicit(packet, 1, int(at * 10), duid, "", sender, relay=relay)


def reply(at: float, duid: str) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse("fe80::1"), dst=parse("fe80::9"), src_mac=1)
    return Dhcpv6Reply(packet, 7, 7, duid, "00", 0x4000, addresses=(parse("2001:db8::9"),))


def test_dhcpv6_clients_at_once() -> None:
    """A hundred DHCPv6 clients without a lease (flood_dhcpc6) raise an alert; served ones and those of a relay do not,
    and neither do as many IPv4 clients beside them.
    """
    story = [solicit(n / 100, f"0001{n:04x}", sender=0x4000 + n) for n in range(150)]
    [alert] = inspected(detector(STARVED), story)
    assert (alert.numbers["count"], alert.severity, alert.network["app"]) == (100, Severity.high, "dhcpv6")
    served = [each for n, one in enumerate(story) for each in (one, reply(n / 100, f"0001{n:04x}"))]
    assert inspected(detector(STARVED), served) == []
    relayed = [solicit(n / 100, f"0001{n:04x}", sender=1, relay=parse("2001:db8::1")) for n in range(150)]
    assert inspected(detector(STARVED), relayed) == []
    both = [each for n in range(80) for each in (story[n], request(n / 100, 0x4000 + n))]
    assert inspected(detector(STARVED), both) == []


def test_one_machine_with_many_duids() -> None:
    """Ten DUIDs under one MAC are spoofed clients; the three of a network boot are not."""
    found = inspected(detector(STARVED), [solicit(n, f"00040{n % 20:02x}", sender=ATTACKER) for n in range(40)])
    assert [(alert.actor.mac, alert.numbers["count"]) for alert in found] == [(ATTACKER, 10)]
    assert inspected(detector(STARVED), [solicit(n, f"00040{n % 3:02x}", sender=ATTACKER) for n in range(50)]) == []
