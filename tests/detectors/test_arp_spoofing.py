"""Spoofing of addresses by ARP and by neighbor discovery."""

from __future__ import annotations

from collections.abc import Iterable

from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.arp import ArpAnnouncement, ArpReply, ArpRequest
from sensor.dissectors.dhcp import DhcpAck
from sensor.dissectors.ndp import NdpNeighbourAdvertisement
from sensor.dissectors.vrrp import VrrpAdvertisement
from tests.detectors.stories import START, World, detector, device, inspected

SPOOF = "credential_access.arp_spoofing"
ALL = 0xFFFFFFFFFFFF
GATEWAY, VICTIM, ATTACKER = 0x02000000000A, 0x02000000000B, 0x0200000000EE


def packet(at: float, mac: int, src: int = 0, dst: int = 0, to: int = 0) -> Packet:
    return Packet(
        ts=START + int(at * SECOND),
        src_mac=mac,
        dst_mac=to,
        ethertype=0x0806,
        ip_version=0 if not src else 6,
        proto=58 if src else 0,
        src=src,
        dst=dst,
    )


def reply(at: float, mac: int, address: str, to: str = "10.0.0.5") -> Event:
    return ArpReply(packet(at, mac), mac, parse(address), parse(to))


def request(at: float, mac: int, own: str, target: str, to: int = ALL) -> Event:
    return ArpRequest(packet(at, mac, to=to), mac, parse(own), parse(target))


def announcement(at: float, mac: int, address: str) -> Event:
    return ArpAnnouncement(packet(at, mac), mac, parse(address), parse(address))


def advertisement(at: float, mac: int, address: str, *, solicited: bool = False, override: bool = True) -> Event:
    return NdpNeighbourAdvertisement(
        packet(at, mac, parse(address), parse("fe80::5")), mac, parse(address), False, solicited, override
    )


def between(mac: int, times: Iterable[float]) -> list[Event]:
    """Unsolicited replies to two hosts, each with the address of the other."""
    return [
        one for at in times for one in (reply(at, mac, "10.0.0.1", "10.0.0.5"), reply(at, mac, "10.0.0.5", "10.0.0.1"))
    ]


def reported(events: Iterable[Event], world: World | None = None) -> list[Alert]:
    return inspected(detector(SPOOF, world), events)


ORDINARY = [
    reply(0, GATEWAY, "10.0.0.1"),
    reply(0.1, VICTIM, "10.0.0.5", "10.0.0.1"),
    request(0.2, ATTACKER, "10.0.0.66", "10.0.0.1"),
]


def poisoning(at: float, own: str = "10.0.0.66", to: int = VICTIM) -> list[Event]:
    """A request of the attacker, one in the name of the gateway, and one of the gateway."""
    return [
        request(at, ATTACKER, own, "10.0.0.9"),
        request(at + 1, ATTACKER, "10.0.0.1", "10.0.0.5", to),
        request(at + 2, GATEWAY, "10.0.0.1", "10.0.0.5"),
    ]


def test_caches_poisoned_with_requests() -> None:
    """Requests in the name of the gateway, of a host with another address, are an attack while the gateway is active;
    requests to all are none, as a host with two interfaces in a segment sends, nor are two hosts with the same address
    only, and a host after whose claim the gateway is silent.
    """
    found = reported([*ORDINARY, *(event for n in range(4) for event in poisoning(10 + 5 * n))])
    assert {(alert.actor.mac, alert.actor.address) for alert in found} == {(ATTACKER, parse("10.0.0.66"))}
    assert reported([*ORDINARY, *(event for n in range(4) for event in poisoning(10 + 5 * n, to=ALL))]) == []
    same = [event for n in range(4) for event in poisoning(10 + 5 * n, "10.0.0.1")]
    assert reported([reply(0, GATEWAY, "10.0.0.1"), *same]) == []
    assert reported([*ORDINARY, *(event for n in range(4) for event in poisoning(10 + 5 * n)[:2])]) == []


def test_both_ends_of_a_conversation_are_taken() -> None:
    """Claiming the gateway's address to the victim and the victim's to the gateway is an attack on both ends."""
    alert = reported(
        [
            *ORDINARY,
            announcement(1, ATTACKER, "10.0.0.66"),
            reply(2, ATTACKER, "10.0.0.1"),
            reply(2.1, ATTACKER, "10.0.0.5", "10.0.0.1"),
        ]
    )[0]
    assert (alert.severity, alert.actor.mac, alert.actor.address) == (Severity.high, ATTACKER, parse("10.0.0.66"))
    assert alert.techniques[0].technique == "T1557.002"
    assert alert.target is not None
    assert alert.target.address == parse("10.0.0.5")
    assert "both ends" in alert.why[0]


def test_repaired_caches() -> None:
    """A tool that repairs the caches at its end claims the address for the gateway, in frames of its own (arpspoof):
    the gateway is never the actor, wherever the capture begins.
    """
    stolen = [reply(2 * n, ATTACKER, "10.0.0.1") for n in range(8)]
    repaired = [ArpReply(packet(16 + n, ATTACKER), GATEWAY, parse("10.0.0.1"), parse("10.0.0.5")) for n in range(12)]
    requested = [request(-2, ATTACKER, "10.0.0.66", "10.0.0.1"), request(0.5, VICTIM, "10.0.0.5", "10.0.0.66")]
    for before in ([], requested, ORDINARY, [*ORDINARY, announcement(0.4, GATEWAY, "10.0.0.1")]):
        found = reported([*before, *stolen, *repaired])
        assert {alert.actor.mac for alert in found} <= {ATTACKER}
    assert found


def test_an_address_is_claimed_again_and_again() -> None:
    """Repeated claims to the address of a host that is present raise an alert."""
    alert = reported([*ORDINARY, *(reply(2 + 5 * n, ATTACKER, "10.0.0.1") for n in range(4))])[0]
    assert "claims" in alert.numbers
    assert "10.0.0.1" in alert.summary


def test_who_asks_for_what_it_claims_lied() -> None:
    """A host that claims an address and then sends a request for it raises an alert: two frames suffice."""
    [alert] = reported([reply(0, ATTACKER, "10.0.0.1"), request(10, ATTACKER, "10.0.0.66", "10.0.0.1")])
    assert (alert.actor.address, alert.actor.mac) == (parse("10.0.0.66"), ATTACKER)


def test_the_gateway_is_known_from_its_leases() -> None:
    """Two claims to the gateway's address, known from a lease, raise an alert while the gateway is present."""
    lease = DhcpAck(packet(0, 1), 5, 7, VICTIM, gateways=(parse("10.0.0.1"),))
    events = [
        lease,
        *ORDINARY,
        reply(1, ATTACKER, "10.0.0.1"),
        reply(2, GATEWAY, "10.0.0.1"),
        reply(3, ATTACKER, "10.0.0.1"),
    ]
    assert "the gateway 10.0.0.1" in reported(events)[0].summary


def test_a_gateway_that_was_silent_takes_back_what_is_its_own() -> None:
    """A gateway that was silent for two minutes and then announces its address is not the actor: the host that claimed
    the address is.
    """
    lease = DhcpAck(packet(0, 1), 5, 7, VICTIM, gateways=(parse("10.0.0.1"),))
    taken = [reply(130 + 2 * n, ATTACKER, "10.0.0.1") for n in range(3)]
    found = reported(
        [
            lease,
            *ORDINARY,
            *taken,
            *(reply(135.5 + 3 * n, GATEWAY, "10.0.0.1") for n in range(4)),
            *(reply(147 + 2 * n, ATTACKER, "10.0.0.1") for n in range(2)),
        ]
    )
    assert {alert.actor.mac for alert in found} == {ATTACKER}


def test_a_victim_that_was_silent_is_not_to_blame() -> None:
    """Victims that were silent when their addresses were claimed and send later are not actors."""
    taken = [reply(130 + 2 * n, ATTACKER, "10.0.0.5", "10.0.0.1") for n in range(3)]
    found = reported([*ORDINARY, *taken, *(reply(135.5 + 3 * n, VICTIM, "10.0.0.5", "10.0.0.1") for n in range(4))])
    assert {alert.actor.mac for alert in found} == {ATTACKER}


def test_a_gateway_that_is_replaced_is_quiet() -> None:
    """A replaced gateway, whose old MAC address is not seen again, raises no alert."""
    lease = DhcpAck(packet(0, 1), 5, 7, VICTIM, gateways=(parse("10.0.0.1"),))
    assert reported([lease, *ORDINARY, *(reply(200 + 5 * n, 0x0200000000DD, "10.0.0.1") for n in range(20))]) == []


def test_neighbour_discovery() -> None:
    """Three unsolicited neighbor advertisements with the override flag raise an alert."""
    events = [
        advertisement(0, GATEWAY, "fe80::1", solicited=True),
        *(advertisement(8 + 5 * n, ATTACKER, "fe80::1") for n in range(3)),
    ]
    [alert] = reported(events)
    assert [technique.technique for technique in alert.techniques] == ["T1557"]
    assert (alert.actor.mac, alert.actor.address) == (ATTACKER, 0)


def test_answers_to_solicitations() -> None:
    """A host that answers each solicitation for another one right after it (parasite6) raises an alert; a proxy, which
    does not override (RFC 4861, 7.2.8), and the next holder of an address raise none.
    """

    def both(override: bool) -> list[Event]:
        return [
            one
            for n in range(5)
            for one in (
                advertisement(5 * n, GATEWAY, "fe80::1", solicited=True),
                advertisement(5 * n + 0.01, ATTACKER, "fe80::1", solicited=True, override=override),
            )
        ]

    found = reported(both(True))
    assert {(alert.actor.mac, alert.target and alert.target.mac) for alert in found} == {(ATTACKER, GATEWAY)}
    assert len(found) == 1
    assert reported(both(False)) == []
    moved = [advertisement(5 * n, GATEWAY, "fe80::1", solicited=True) for n in range(5)]
    moved += [advertisement(100 + 5 * n, ATTACKER, "fe80::1", solicited=True) for n in range(20)]
    assert reported(moved) == []


def test_a_capture_without_the_holders() -> None:
    """Repeated claims to the addresses of two hosts raise an alert in a capture with only the attacker's frames. The
    addresses are those of the victims: that of the attacker is unknown.
    """
    found = reported(between(ATTACKER, range(0, 16, 2)))
    assert {(alert.actor.mac, alert.actor.address) for alert in found} == {(ATTACKER, 0)}
    assert {alert.severity for alert in found} == {Severity.high}
    assert {alert.target and alert.target.address for alert in found} == {parse("10.0.0.1"), parse("10.0.0.5")}


def test_a_tool_that_claims_a_whole_network() -> None:
    """Claims of many addresses, each of which the host also requests itself, are four alerts and one for the rest."""
    claims = [
        event
        for n in range(12)
        for event in (
            reply(n, ATTACKER, f"10.0.0.{100 + n}"),
            request(n + 0.5, ATTACKER, "10.0.0.66", f"10.0.0.{100 + n}"),
        )
    ]
    found = reported(claims)
    assert {alert.actor.address for alert in found} == {parse("10.0.0.66")}
    assert [alert.numbers["addresses"] for alert in found] == list(range(1, 13))
    assert len({alert.key for alert in found}) == 5


def test_replies_that_look_alike_are_quiet() -> None:
    """A proxy that answers requests, a host with two addresses that updates its neighbors, a virtual MAC, claims in one
    direction, and two claims only raise no alert.
    """
    requested = [request(3 * n, VICTIM, "10.0.0.5", "10.0.1.1") for n in range(20)]
    proxy = [
        each
        for query in requested
        for each in (query, reply((query.ts - START) / SECOND + 0.1, GATEWAY, "10.0.1.1", "10.0.0.5"))
    ]
    assert reported(proxy) == []
    assert (
        reported([reply(n, ATTACKER, own, "10.0.0.5") for n in range(0, 60, 2) for own in ("10.0.0.1", "10.0.0.2")])
        == []
    )
    virtual = 0x00005E000101
    assert reported(between(virtual, range(20))) == []
    assert reported(between(ATTACKER, range(0, 40, 20))) == []


def test_honest_moves_are_quiet() -> None:
    """An expired lease, a failover, a router pair with a virtual MAC, a cluster that announces itself a few times, and
    a host that gets two addresses raise no alert.
    """
    lease = [reply(0, VICTIM, "10.0.0.5"), *(reply(400 + 5 * n, ATTACKER, "10.0.0.5") for n in range(4))]
    failover = [
        reply(0, GATEWAY, "10.0.0.9"),
        *(announcement(30 + n / 4, ATTACKER, "10.0.0.9") for n in range(5)),
        announcement(35, ATTACKER, "10.0.0.9"),
    ]
    virtual = [reply(n, 0x00005E000101 if n % 2 else GATEWAY, "10.0.0.1") for n in range(20)]
    two = [
        announcement(0, VICTIM, "10.0.0.5"),
        announcement(1, VICTIM, "10.0.0.6"),
        request(2, VICTIM, "10.0.0.5", "10.0.0.1"),
    ]
    probe = [reply(0, VICTIM, "10.0.0.5"), *(request(n, ATTACKER, "0.0.0.0", "10.0.0.5") for n in range(1, 4))]
    for story in (lease, failover, virtual, two, probe):
        assert reported(story) == []


def test_a_capture_that_begins_amid_it() -> None:
    """The attacker is the actor although its claims are captured first and the gateway only sends requests; a gateway
    that announces its own address is not.
    """
    asks = [request(5 + 9 * n, GATEWAY, "10.0.0.1", "10.0.0.77") for n in range(6)]
    found = reported(
        sorted([*(reply(2 * n, ATTACKER, "10.0.0.1") for n in range(30)), *asks], key=lambda each: each.ts)
    )
    assert {(alert.actor.mac, alert.target and alert.target.mac) for alert in found} == {(ATTACKER, GATEWAY)}
    requested = [
        each
        for n in range(6)
        for each in (request(5 + 9 * n, VICTIM, "10.0.0.5", "10.0.0.1"), reply(5.1 + 9 * n, ATTACKER, "10.0.0.1"))
    ]
    defended = reported(
        sorted([*(announcement(2 * n, GATEWAY, "10.0.0.1") for n in range(30)), *requested], key=lambda each: each.ts)
    )
    assert GATEWAY not in {alert.actor.mac for alert in defended}


NODES = 0x3C5282000001, 0x3C5282000048


def failover(at: float, mac: int, *, every: float = 3) -> list[Event]:
    """The address of a service moves to another node, which announces it twice, five seconds apart, and then answers
    requests; both nodes keep their own addresses.
    """
    messages = [announcement(at + n / 5, mac, "10.0.0.10") for n in range(5)] + [
        announcement(at + 5.5 + n / 5, mac, "10.0.0.10") for n in range(5)
    ]
    for n in range(90):
        ts, client = at + 7 + n * every, f"10.0.0.{30 + n}"
        messages += [request(ts, VICTIM, client, "10.0.0.10"), reply(ts + 0.1, mac, "10.0.0.10", client)]
        messages += [request(ts + 1, node, f"10.0.0.{2 + i}", "10.0.0.20") for i, node in enumerate(NODES)]
    return messages


def test_a_service_that_moves_between_living_nodes_is_quiet() -> None:
    """A service that moves between two nodes without a virtual MAC, or after the old node failed, raises no alert; a
    node whose claim the other one contradicts does.
    """
    assert reported([each for n in range(4) for each in failover(n * 300, NODES[n % 2])]) == []
    dead = [
        reply(95, NODES[0], "10.0.0.10"),
        *(each for each in failover(100, NODES[1]) if each.packet.src_mac != NODES[0]),
    ]
    assert reported(dead) == []
    contradicted = [reply(100 + n * 10, NODES[0], "10.0.0.10", "10.0.0.40") for n in range(5)]
    found = reported(sorted([*failover(0, NODES[0]), *failover(95, NODES[1]), *contradicted], key=lambda each: each.ts))
    assert {alert.actor.mac for alert in found} == {NODES[1]}


def master(at: float, mac: int, address: str = "10.0.0.254") -> Event:
    return VrrpAdvertisement(packet(at, mac), 2, 51, 100, (parse(address),))


def test_a_service_that_moves_back_soon_is_quiet() -> None:
    """A service that moves to another node and back after fifteen seconds, twice, is announced each time; a host that
    announces the address again and again, as its holder does, raises the alert.
    """

    def served(turns: list[tuple[float, int]]) -> list[Event]:
        return [
            each
            for at, mac in turns
            for n in range(7)
            for each in (
                announcement(at + n / 5, mac, "10.0.0.10"),
                request(at + 2 * n, VICTIM, f"10.0.0.{30 + n}", "10.0.0.10"),
                reply(at + 2 * n + 0.1, mac, "10.0.0.10", f"10.0.0.{30 + n}"),
                *(request(at + 2 * n, node, f"10.0.0.{2 + i}", "10.0.0.20") for i, node in enumerate(NODES)),
            )
        ]

    def found(turns: list[tuple[float, int]]) -> list[Alert]:
        return reported(sorted(served(turns), key=lambda each: each.ts))

    assert found([(15 * turn, NODES[turn % 2]) for turn in range(5)]) == []
    assert {alert.actor.mac for alert in found([(15 * turn, NODES[turn % 2]) for turn in range(12)])} == {NODES[1]}


ISOLATED = {VICTIM: "10.0.0.5", NODES[0]: "10.0.0.6", NODES[1]: "10.0.0.7"}


def proxied(by: int, *, received: bool = False, speed: int = 1) -> list[Event]:
    """Hosts request each other and the gateway, which requests them; a host answers for all of them. ``received``: the
    requested host answers too.
    """
    messages = [request(n / 9, mac, own, "10.0.0.9") for n, (mac, own) in enumerate(ISOLATED.items())]
    for n, (mac, own) in enumerate([*ISOLATED.items()] * 20):
        at = 1 + 2 * n / speed
        for peer, other in ISOLATED.items():
            if peer != mac:
                messages += [request(at, mac, own, other), reply(at + 0.001, by, other, own)]
                messages += [reply(at + 0.002, peer, other, own)] * received
        messages += [request(at + 0.01, by, "10.0.0.1", own), reply(at + 0.011, mac, own, "10.0.0.1")]
    return messages


def test_a_gateway_that_answers_for_isolated_hosts_is_quiet() -> None:
    """Private VLANs: the gateway alone answers requests for its hosts, and requests them itself. A host that answers
    requests that the hosts receive too, or that claims without a request, raises the alert, at any speed.
    """
    assert reported(proxied(GATEWAY)) == []
    for speed in (1, 20):
        ordinary = [event for event in proxied(GATEWAY, received=True, speed=speed) if event.packet.src_mac != GATEWAY]
        taken = ("10.0.0.5", "10.0.0.6")
        claims = [reply(1 + n / speed, ATTACKER, own, "10.0.0.1") for n in range(60) for own in taken]
        for story in (proxied(ATTACKER, received=True, speed=speed), [*ordinary, *claims]):
            assert {alert.actor.mac for alert in reported(sorted(story, key=lambda each: each.ts))} == {ATTACKER}


def test_redundant_routers_with_their_own_macs_are_quiet() -> None:
    """Two routers of a VRRP group announce the virtual address in turn, every five seconds, and the standby requests
    it; a host that does not announce it in VRRP, or alone, raises the alert.
    """
    turns = [(30 * turn, mac) for turn, mac in enumerate((GATEWAY, VICTIM, GATEWAY, VICTIM))]
    claims = [announcement(at + more, mac, "10.0.0.254") for at, mac in turns for more in (0, 5, 10, 20)]
    own = {GATEWAY: "10.0.0.2", VICTIM: "10.0.0.3"}
    alive = [request(at + 3, mac, own[mac], "10.0.0.7") for at, mac in turns]
    alive.append(request(125, GATEWAY, own[GATEWAY], "10.0.0.254"))
    masters = [master(at, mac) for at, mac in turns]
    group = sorted([*masters, *claims, *alive], key=lambda event: event.ts)
    assert reported(group) == []
    assert reported(sorted([*claims, *alive], key=lambda event: event.ts)) != []
    assert reported([event for event in group if event.packet.src_mac == GATEWAY or event not in masters]) != []


def test_ports_of_one_machine_are_a_hint() -> None:
    """Replies with consecutive MACs of two ports of a host (Linux balance-alb) are low; unrelated MACs are high."""
    ports = 0x001132AABB10, 0x001132AABB11
    [alert] = reported([reply(n * 3, ports[n % 2], "10.0.0.7", f"10.0.0.{50 + n}") for n in range(8)])
    assert alert.severity == Severity.low
    assert alert.key.endswith("|00:11:32:aa:bb:11|10.0.0.7")
    assert "ports" in alert.why[-1]
    [alert] = reported([reply(n * 3, (GATEWAY, VICTIM)[n % 2], "10.0.0.7", f"10.0.0.{50 + n}") for n in range(8)])
    assert alert.severity == Severity.high


def test_repetition_is_one_alert() -> None:
    """Repeated claims have one alert key; an exempt proxy raises no alert."""
    events = [*ORDINARY, *(reply(2 + 5 * n, ATTACKER, "10.0.0.1") for n in range(60))]
    found = reported(events)
    assert len({alert.key for alert in found}) == 1
    assert len(found) <= 12
    assert inspected(detector(SPOOF, exempt_macs=("02:00:00:00:00:ee",)), events) == []


def test_a_printer_that_does_it_is_critical() -> None:
    """Spoofing by a fixed-function device is critical."""
    world = World(device("printer", "10.0.0.66"))
    found = reported(
        [
            *ORDINARY,
            announcement(1, ATTACKER, "10.0.0.66"),
            *(reply(2 + 5 * n, ATTACKER, "10.0.0.1") for n in range(4)),
        ],
        world,
    )
    assert found[0].severity == Severity.critical
