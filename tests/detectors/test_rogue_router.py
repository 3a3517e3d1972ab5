"""Rogue IPv6 routers and DHCPv6 servers."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.dhcpv6 import Dhcpv6Reply
from sensor.dissectors.icmp import IcmpRedirect, IcmpRouterAdvertisement
from sensor.dissectors.ndp import NdpRedirect, NdpRouterAdvertisement
from tests.detectors.stories import START, World, detector, device, inspected, mac_of

ROGUE = "credential_access.rogue_router"


def packet(at: float, mac: int, src: str = "") -> Packet:
    return Packet(
        ts=START + int(at * SECOND),
        src_mac=mac,
        src=parse(src or f"fe80::{mac & 0xFFFF:x}"),
        dst=parse("ff02::1"),
        proto=58,
        ip_version=6,
    )


def router(
    at: float, mac: int, prefix: str = "2001:db8::", *, dns: str = "", lifetime: int = 1800, claims: int = 0
) -> Event:
    return NdpRouterAdvertisement(
        packet(at, mac), claims or mac, lifetime, False, ((parse(prefix), 64),), (parse(dns),) if dns else ()
    )


def server(at: float, duid: str, dns: str) -> Event:
    return Dhcpv6Reply(packet(at, 0x77), 7, 1, "c", duid, 5, dns=(parse(dns),))


def test_a_second_router_with_another_network() -> None:
    """A second router with another prefix raises an alert."""
    [alert] = inspected(detector(ROGUE), [router(0, 1), router(5, 0x66, "2001:db8:bad::")])
    assert (alert.actor.mac, alert.techniques[0].technique, alert.numbers["differs"]) == (0x66, "T1557", "networks")
    assert "2001:db8:bad::/64" in alert.summary


def test_other_dns_servers() -> None:
    """Other DNS servers from a router, or from a DHCPv6 server, raise an alert."""
    assert (
        inspected(detector(ROGUE), [router(0, 1, dns="2001:db8::53"), router(5, 0x66, dns="2001:db8::66")])[0].numbers[
            "differs"
        ]
        == "DNS servers"
    )
    assert (
        inspected(detector(ROGUE), [server(0, "aa", "2001:db8::53"), server(1, "bb", "2001:db8::66")])[0].numbers[
            "differs"
        ]
        == "dhcpv6"
    )


def test_a_router_is_taken_out_of_service_in_its_name() -> None:
    """A zero lifetime for a router, from another MAC, raises an alert."""
    assert (
        inspected(detector(ROGUE), [router(0, 1), router(5, 0x66, lifetime=0, claims=1)])[0].numbers["differs"]
        == "withdrawal"
    )


def test_a_router_is_taken_out_of_service_with_its_mac() -> None:
    """Zero lifetimes with all addresses of the router, at once after each of its advertisements, are one alert. A
    router that stops and starts, whose uplink fails seconds after its advertisements, or that only announces prefixes
    raises none.
    """

    def kinds(*steps: tuple[float, int]) -> list[object]:
        """Of advertisements of one router every ten seconds: (time after the first, lifetime)."""
        story = [router(n * 10 + at, 1, lifetime=lifetime) for n in range(12) for at, lifetime in steps]
        return [alert.numbers["differs"] for alert in inspected(detector(ROGUE), story)]

    assert kinds((0, 1800), (0.1, 0)) == ["contradiction"] * 2
    assert kinds((0, 0), (0.1, 1800)) == kinds((0, 1800), (4, 0)) == kinds((0, 0)) == []
    assert inspected(detector(ROGUE), [router(at, 1, lifetime=1800 * (at % 2 == 0)) for at in range(4)]) == []


def test_a_flood_of_routers_is_one_finding() -> None:
    """A flood with random router addresses is one alert."""
    found = inspected(detector(ROGUE), [router(n / 10, 0x100 + n) for n in range(200)])
    assert len({alert.key for alert in found if alert.numbers["differs"] == "flood"}) == 1
    assert len([alert for alert in found if alert.numbers["differs"] == "flood"]) == 1


def test_a_host_redirects_to_itself() -> None:
    """A host that redirects traffic to itself raises an alert."""
    redirect = NdpRedirect(packet(0, 0x66), 0x66, parse("fe80::66"), parse("2001:db8:9::1"))
    assert inspected(detector(ROGUE), [redirect])[0].numbers["differs"] == "redirect"


def test_a_redirect_in_the_name_of_the_router() -> None:
    """A host that redirects traffic to its own IPv4 address uses the source address of the router; a router that
    redirects to another one does not.
    """
    host = device("workstation", "10.0.0.66")
    host.macs = (mac_of("10.0.0.66"),)
    forged = IcmpRedirect(packet(0, mac_of("10.0.0.66"), "10.0.0.1"), parse("10.0.0.66"), parse("203.0.113.9"))
    [alert] = inspected(detector(ROGUE, World(host)), [forged])
    assert (alert.actor.address, alert.actor.mac) == (parse("10.0.0.66"), mac_of("10.0.0.66"))
    assert (alert.numbers["differs"], alert.techniques[0].technique) == ("redirect", "T1557")
    honest = IcmpRedirect(packet(0, 1, "10.0.0.1"), parse("10.0.0.66"), parse("203.0.113.9"))
    assert inspected(detector(ROGUE, World(host)), [honest]) == []


def test_a_redirect_with_another_mac_than_the_router_s() -> None:
    """The next hop is not known by its MAC, but the router is. Its own redirects, also as a virtual router, raise no
    alert.
    """
    gateway = device("router", "10.0.0.1")
    gateway.macs = (mac_of("10.0.0.1"),)

    def redirect(mac: int) -> Event:
        return IcmpRedirect(packet(0, mac, "10.0.0.1"), parse("10.0.0.66"), parse("203.0.113.9"))

    [alert] = inspected(detector(ROGUE, World(gateway)), [redirect(mac_of("10.0.0.66"))])
    assert (alert.actor.address, alert.actor.mac) == (parse("10.0.0.66"), mac_of("10.0.0.66"))
    for own in (mac_of("10.0.0.1"), 0x00005E000101):
        assert inspected(detector(ROGUE, World(gateway)), [redirect(own)]) == []


def test_redirects_that_mislead_no_host() -> None:
    """An on-link redirect to a new device, one from the unspecified address, which RFC 4861 discards, and one to
    another router raise no alert.
    """
    world, bridge = World(device("hub", "10.0.0.6")), parse("10.0.0.6")
    assert inspected(detector(ROGUE, world), [IcmpRedirect(packet(0, 0x66, "10.0.0.6"), bridge, bridge)]) == []
    assert (
        inspected(
            detector(ROGUE, World(device("hub", "0.0.0.0"))),
            [IcmpRedirect(packet(0, 0x66, "0.0.0.0"), bridge, parse("10.0.0.9"))],
        )
        == []
    )
    assert (
        inspected(detector(ROGUE), [IcmpRedirect(packet(0, 1, "10.0.0.1"), parse("10.0.0.2"), parse("203.0.113.9"))])
        == []
    )
    [alert] = inspected(
        detector(ROGUE, world), [IcmpRedirect(packet(0, 0x66, "10.0.0.6"), bridge, parse("203.0.113.9"))]
    )
    assert alert.numbers["differs"] == "redirect"


def test_link_local_addresses_are_not_assigned() -> None:
    """The first server of a segment is reported if it assigns link-local addresses; one that assigns others is not."""
    for given, found in (("fe80::9043:1", 1), ("2001:db8::9", 0), ("fd00::9", 0)):
        lease = Dhcpv6Reply(packet(0, 0x77), 7, 1, "c", "00", 5, addresses=(parse(given),), dns=(parse("fe80::66"),))
        alerts = inspected(detector(ROGUE), [lease])
        assert [alert.severity for alert in alerts] == [Severity.high] * found


def test_the_list_of_allowed_ones() -> None:
    """Allowed routers never raise an alert, all others do."""
    allowed = ("02:00:00:00:00:01", "fe80::2")
    found = inspected(detector(ROGUE, allowed=allowed), [router(0, 0x020000000001), router(1, 2), router(2, 0x66)])
    assert [alert.actor.mac for alert in found] == [0x66]


def test_benign_twins_are_quiet() -> None:
    """A router pair, one with an additional local prefix, a new prefix of a known router, and a second DHCPv6 server
    with the same options raise no alert.
    """
    pair = [router(0, 1), router(1, 2), router(2, 1, "2001:db8:2::"), router(3, 3, "fd00:1::")]
    assert inspected(detector(ROGUE), pair) == []
    assert inspected(detector(ROGUE), [server(0, "aa", "2001:db8::53"), server(1, "bb", "2001:db8::53")]) == []


def test_repetition_is_one_alert_a_minute() -> None:
    """Repeated advertisements are one alert a minute."""
    found = inspected(detector(ROGUE), [router(0, 1), *(router(n, 0x66, "2001:db8:bad::") for n in range(1, 120))])
    assert (len(found), len({alert.key for alert in found})) == (2, 1)


def offer(at: float, source: str = "10.0.0.66", mac: int = 0, routers: tuple[str, ...] = ("10.0.0.66",)) -> Event:
    sent = packet(at, mac or mac_of(source), source)
    return IcmpRouterAdvertisement(sent, tuple(map(parse, routers)), 1800, 0)


def test_a_host_offers_itself_as_the_router() -> None:
    """A workstation that advertises itself over ICMP is reported at once, a host of unknown type or a server at the
    second advertisement, each once in a minute.
    """
    [alert] = inspected(detector(ROGUE, World(device("workstation", "10.0.0.66"))), [offer(0), offer(10)])
    assert (alert.actor.address, alert.numbers["differs"], alert.severity) == (
        parse("10.0.0.66"), "irdp", Severity.high,
    )  # fmt: skip
    for world in (World(), World(device("server", "10.0.0.66"))):
        assert len(inspected(detector(ROGUE, world), [offer(0)])) == 0
        assert len(inspected(detector(ROGUE, world), [offer(10 * n) for n in range(12)])) == 2


def test_a_router_offers_itself() -> None:
    """A router, a host that forwards traffic, a virtual router, and a list without addresses raise no alert; another
    MAC that sends with the address of the router does.
    """
    gateway, forwards = device("router", "10.0.0.66"), device("server", "10.0.0.66")
    gateway.macs, forwards.roles = (mac_of("10.0.0.66"),), frozenset(("gateway",))
    for world in (World(gateway), World(forwards)):
        assert inspected(detector(ROGUE, world), [offer(10 * n) for n in range(4)]) == []
    others = [offer(10 * n, mac=0x00005E000101) for n in range(4)] + [offer(50 + n, routers=()) for n in range(4)]
    assert inspected(detector(ROGUE), others) == []
    forged = [offer(10 * n, mac=0x66) for n in range(2)]
    assert [alert.actor.mac for alert in inspected(detector(ROGUE, World(gateway)), forged)] == [0x66]
