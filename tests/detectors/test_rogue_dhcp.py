"""Rogue DHCP servers."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.dhcp import DhcpAck, DhcpOffer
from tests.detectors.stories import START, detector, inspected

ROGUE = "credential_access.rogue_dhcp"
CLIENT = 0x0200000000AA


def offer(
    server: str,
    gateway: str,
    dns: str,
    *,
    offered: str = "10.0.0.100",
    mac: int = 1,
    vlan: int = 0,
    relay: str = "",
    kind: type[DhcpOffer | DhcpAck] = DhcpOffer,
    client: int = CLIENT,
) -> Event:
    packet = Packet(
        ts=START, src=parse(server), dst=parse("255.255.255.255"), src_mac=mac, sport=67, dport=68, vlan=vlan
    )
    return kind(
        packet, 2, 7, client, offered=parse(offered), server=parse(server), relay=parse(relay) if relay else 0,
        netmask=parse("255.255.255.0"),
        gateways=(parse(gateway),), dns=(parse(dns),), lease_s=3600,
    )  # fmt: skip


GOOD = offer("10.0.0.1", "10.0.0.1", "10.0.0.53")


def test_a_second_server_with_other_dns_is_reported() -> None:
    """The alert contains the server's options, the expected ones, and its MAC."""
    [alert] = inspected(detector(ROGUE), [GOOD, offer("10.0.0.66", "10.0.0.66", "10.0.0.66", mac=0x66)])
    assert (alert.severity, alert.actor.mac, alert.actor.address) == (Severity.high, 0x66, parse("10.0.0.66"))
    assert alert.target is not None
    assert (alert.target.mac, alert.target.address) == (CLIENT, parse("10.0.0.100"))
    assert alert.numbers == {"lease_s": 3600, "differs": "dns", "given": "10.0.0.66", "expected": "10.0.0.53"}
    assert alert.techniques[0].technique == "T1557.003"


def test_a_second_server_with_another_gateway_in_the_same_network_is_reported() -> None:
    """The same DNS with another gateway is an adversary in the middle."""
    [alert] = inspected(detector(ROGUE), [GOOD, offer("10.0.0.66", "10.0.0.66", "10.0.0.53", mac=0x66, kind=DhcpAck)])
    assert alert.numbers["differs"] == "gateway"


def test_a_home_router_plugged_in_is_reported() -> None:
    """A home router that serves its own subnet in the same VLAN raises an alert."""
    assert (
        len(
            inspected(
                detector(ROGUE),
                [GOOD, offer("192.168.1.1", "192.168.1.1", "192.168.1.1", offered="192.168.1.50", mac=0x66)],
            )
        )
        == 1
    )


def test_two_networks_in_one_capture_are_a_hint() -> None:
    """Two servers with separate clients are low; they are high if they serve one client or one subnet."""
    other = {"offered": "192.168.1.50", "mac": 0x66}
    apart = offer("192.168.1.1", "192.168.1.1", "192.168.1.1", client=CLIENT + 1, **other)
    same = offer("192.168.1.1", "192.168.1.1", "192.168.1.1", **other)
    within = offer("10.0.0.66", "10.0.0.66", "10.0.0.66", client=CLIENT + 2, mac=0x67)
    assert [alert.severity for alert in inspected(detector(ROGUE), [GOOD, apart, apart, same, within])] == [
        Severity.low,
        Severity.low,
        Severity.high,
        Severity.high,
    ]


def test_a_forged_server_identifier_is_reported() -> None:
    """The server identifier of the known server with another MAC and other options raises an alert."""
    assert len(inspected(detector(ROGUE), [GOOD, offer("10.0.0.1", "10.0.0.66", "10.0.0.66", mac=0x66)])) == 1


def test_benign_twins_are_quiet() -> None:
    """The first server, a failover pair, changed options, two pools in one VLAN, other VLANs, and relays for other
    subnets raise no alert.
    """
    story = [
        GOOD,
        offer("10.0.0.2", "10.0.0.1", "10.0.0.53", mac=2),
        offer("10.0.0.2", "10.0.5.1", "10.0.0.53", mac=2, offered="10.0.5.20"),
        offer("10.0.0.1", "10.0.0.1", "10.0.0.53", kind=DhcpAck),
        offer("10.0.9.1", "10.0.9.1", "10.0.9.1", offered="10.0.9.7", mac=9, vlan=9),
        offer("10.0.8.1", "10.0.7.1", "10.0.7.53", offered="10.0.7.7", mac=8, relay="10.0.7.1"),
    ]
    assert inspected(detector(ROGUE), story) == []
    assert inspected(detector(ROGUE), [GOOD, offer("10.0.0.1", "10.0.0.254", "10.0.0.54")]) == []


def test_only_allowed_servers_where_they_are_named() -> None:
    """With a list of allowed servers (address or MAC), any other one raises an alert, allowed ones do not."""
    allowed = ("10.0.0.1", "02:00:00:00:00:02")
    story = [GOOD, offer("10.0.0.2", "10.0.0.99", "10.0.0.99", mac=0x020000000002)]
    assert inspected(detector(ROGUE, allowed=allowed), story) == []
    [alert] = inspected(detector(ROGUE, allowed=allowed), [offer("10.0.0.3", "10.0.0.1", "10.0.0.53", mac=3)])
    assert alert.actor.address == parse("10.0.0.3")


def test_repeats_have_one_key() -> None:
    """All leases of a rogue server are one alert."""
    rogue = [offer("10.0.0.66", "10.0.0.66", "10.0.0.66", mac=0x66, offered=f"10.0.0.{n}") for n in range(100, 150)]
    assert len({alert.key for alert in inspected(detector(ROGUE), [GOOD, *rogue])}) == 1
