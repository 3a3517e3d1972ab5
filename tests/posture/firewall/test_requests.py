"""Firewall requests: which alerts share one, what is blocked, and how they are named."""

from __future__ import annotations

import ipaddress
import time

from sensor.posture.firewall.comments import heading
from sensor.posture.firewall.model import Match, apart
from sensor.posture.firewall.requests import (
    Contact,
    request_of_outside,
    request_of_service,
    request_without_contacts,
    requests_of,
)
from sensor.posture.firewall.simulate import simulate
from tests.golden import Golden
from tests.posture.firewall.requested import (
    C2,
    C2_V6,
    CAMERA,
    HTTPS,
    LAPTOP,
    NAS,
    NOW,
    SMB,
    WEEK,
    internal,
    only,
    outbound,
    party,
)
from tests.posture.firewall.test_simulate import PCS, network


def ends(rule) -> tuple[list[str], list[str]]:
    return list(map(str, rule.sources)), list(map(str, rule.destinations))


def test_a_camera_and_a_pc_that_called_the_same_address_share_one_request(golden: Golden) -> None:
    """The request has the alerts and reasons of both; the address is blocked for all ports and in both directions."""
    request = only([outbound(CAMERA), outbound(LAPTOP, alert="alert-dddddd")])
    golden(request.title)
    assert request.machines == (CAMERA, LAPTOP)
    assert (request.alerts, request.seen, request.direction) == (
        ("alert-aaaaaa", "alert-dddddd"),
        ("https/443",),
        "outbound",
    )
    assert [ends(rule) for rule in request.rules] == [
        (["10.20.10.62/32", "10.20.10.101/32"], ["203.0.113.66/32"]),
        (["203.0.113.66/32"], ["10.20.10.62/32", "10.20.10.101/32"]),
    ]


def test_another_address_is_another_request() -> None:
    """An IPv6 address is blocked for the hosts' IPv6 addresses."""
    old, new = requests_of([outbound(LAPTOP), outbound(LAPTOP, C2_V6, alert="alert-eeeeee")], WEEK)
    assert (old.rules[0].version, new.rules[0].version) == (4, 6)
    assert ends(new.rules[0]) == (["2001:db8:1::101/128"], ["2001:db8:bad::66/128"])
    assert old.id != new.id


def test_the_many_addresses_of_one_flood_are_one_request(golden: Golden) -> None:
    """Addresses of one alert about one host are one request; an address that another host used is separate."""
    crowd = [party(f"198.51.100.{number}") for number in range(1, 65)]
    flood, alone = requests_of([*(outbound(CAMERA, peer) for peer in crowd), outbound(CAMERA), outbound(LAPTOP)], WEEK)
    golden(flood.title)
    assert alone.peers == (C2,)


def test_a_machine_without_an_address_of_the_family_gets_no_rule_of_it() -> None:
    """The camera has no IPv6 address and gets no IPv6 rule."""
    assert only([outbound(CAMERA, C2_V6)]).rules == ()


def test_between_inside_machines_only_the_service_is_cut_that_was_seen(golden: Golden) -> None:
    """Between internal hosts only the observed service is blocked, in its direction and for both families."""
    request = only([internal(CAMERA), internal(LAPTOP)])
    golden(request.title)
    assert [(rule.version, rule.match, *ends(rule)) for rule in request.rules] == [
        (4, Match(6, 445), ["10.20.10.62/32", "10.20.10.101/32"], ["10.20.20.5/32"]),
        (6, Match(6, 445), ["2001:db8:1::101/128"], ["2001:db8:2::5/128"]),
    ]


def test_machines_share_a_request_only_where_they_used_the_same_servers() -> None:
    """A host that used two servers and one that used one of them are separate requests."""
    other = party("10.20.20.6", "fs02", "nas", "dev-other")
    both, one = requests_of([internal(LAPTOP), internal(LAPTOP, other), internal(CAMERA)], WEEK)
    assert (both.machines, both.peers) == ((LAPTOP,), (NAS, other))
    assert (one.machines, one.peers) == ((CAMERA,), (NAS,))


def test_who_came_from_outside_is_blocked_on_its_way_in(golden: Golden) -> None:
    """An external client is blocked inbound; a given service is blocked in its own direction."""
    came = Contact(NAS, C2, HTTPS, outside=True, inbound=True, alert="alert-cccccc")
    request = only([came], WEEK._replace(match=Match(6, 443)))
    golden(request.title)
    assert [ends(rule) for rule in request.rules] == [(["203.0.113.66/32"], ["10.20.20.5/32"])]
    assert request.direction == "inbound"
    assert request.alerted == {("203.0.113.66", "dev-nas", HTTPS)}


def test_a_block_is_one_request_for_all_that_talked_to_it() -> None:
    """A network is one request for all hosts that contacted it, or for all hosts if requested."""
    block, contacts = ipaddress.ip_network("203.0.113.0/24"), [outbound(CAMERA), outbound(LAPTOP, party("203.0.113.9"))]
    assert ends(only(contacts, WEEK._replace(block=block)).rules[0]) == (
        ["10.20.10.62/32", "10.20.10.101/32"],
        ["203.0.113.0/24"],
    )
    request = only(contacts, WEEK._replace(block=block, everyone=True))
    assert [ends(rule) for rule in request.rules] == [([], ["203.0.113.0/24"]), (["203.0.113.0/24"], [])]


def test_a_service_that_was_used_both_ways_is_cut_both_ways(golden: Golden) -> None:
    """Phones and their PBX connect to each other, so that both directions are blocked."""
    there = internal(CAMERA, service=17 << 16 | 5060)
    back = internal(CAMERA, service=17 << 16 | 5060)._replace(inbound=True)
    request = only([there, back], WEEK._replace(block=ipaddress.ip_network("10.20.20.5"), match=Match(17, 5060)))
    golden(request.title)
    assert [ends(rule) for rule in request.rules] == [
        (["10.20.10.62/32"], ["10.20.20.5/32"]),
        (["10.20.20.5/32"], ["10.20.10.62/32"]),
    ]


def test_a_block_without_contacts_is_blocked_for_all(golden: Golden) -> None:
    """A network without contacts is blocked for all hosts."""
    request = request_without_contacts(
        WEEK._replace(match=Match(6, 443)), ipaddress.ip_network("198.51.100.0/24"), outside=True
    )
    golden(request.title)
    assert [ends(rule) for rule in request.rules] == [([], ["198.51.100.0/24"])]


def test_the_same_is_requested_by_the_same_name() -> None:
    """More hosts and another date do not change the name: the firewall team gets an update of the request."""
    later = WEEK._replace(made=NOW.replace(day=25))
    assert only([outbound(CAMERA)]).id == only([outbound(CAMERA), outbound(LAPTOP)], later).id
    assert only([outbound(CAMERA)]).id != only([outbound(CAMERA)], WEEK._replace(match=Match(6, 443))).id


def test_more_ends_than_there_is_room_for_are_counted() -> None:
    """A request with a thousand addresses lists some and counts the others."""
    request = only([internal(CAMERA, party(f"10.30.{number >> 8}.{number & 255}")) for number in range(1, 1001)])
    assert (len(request.peers), request.left_out) == (256, 744)
    assert request.title.endswith("to 256 addresses")


def test_an_address_within_a_block_is_no_element_of_its_own() -> None:
    """An address within a listed network is omitted, as nftables sets reject overlaps."""
    blocks = map(
        ipaddress.ip_network, ("10.0.0.7", "10.0.0.0/24", "10.0.1.0/32", "10.0.0.0/25", "::1", "::/64", "10.0.1.0/32")
    )
    assert list(map(str, apart(blocks))) == ["10.0.0.0/24", "10.0.1.0/32", "::/64"]


def test_a_match_covers_its_services() -> None:
    """A match covers all services, those of a protocol, or one."""
    assert [match.covers(SMB) for match in (Match(), Match(6), Match(6, 445), Match(6, 139), Match(17, 445))] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_poller_of_a_large_network() -> None:
    """20,000 contacts of one host are one request in a fraction of a second, of internal peers and of external ones."""
    peers = [party(f"10.{number >> 8}.{number & 255}.7", device=f"dev-{number}") for number in range(20_000)]
    began = time.process_time()
    for contacts in (
        [internal(LAPTOP, peer) for peer in peers],
        [outbound(LAPTOP, peer, reason="x") for peer in peers],
    ):
        assert only(contacts).left_out == 20_000 - 256
    assert time.process_time() - began < 5


# Exempt hosts.


def test_all_but_some_is_reported_without_a_word_of_allowing(golden: Golden) -> None:
    """All addresses but the exempt ones are blocked; a family without exceptions is blocked as a whole."""
    request = request_of_service([NAS], [CAMERA, LAPTOP], Match(6, 445), WEEK._replace(allow=(LAPTOP,)), ["it is weak"])
    assert f"not blocked: {LAPTOP.text}" in heading(request, "#")
    golden(request.title)
    assert (request.machines, request.peers, request.allowed, request.seen) == (
        (CAMERA,),
        (NAS,),
        (LAPTOP,),
        ("smb/445",),
    )
    assert [(rule.version, len(rule.sources)) for rule in request.rules] == [(4, 32), (6, 128)]
    for rule, own in zip(request.rules, LAPTOP.texts, strict=True):
        around = [ipaddress.ip_address(own) + step for step in (-1, 0, 1)]
        assert [any(one in block for block in rule.sources) for one in around] == [True, False, True]
    bare = request_of_service([NAS], [], Match(6, 445), WEEK._replace(allow=(CAMERA,)), [])
    assert [(rule.version, len(rule.sources)) for rule in bare.rules] == [(4, 32), (6, 0)]
    assert {rule.sources for rule in request_of_service([NAS], [], Match(6, 445), WEEK, []).rules} == {()}


def test_a_simulation_spares_who_is_left_alone() -> None:
    """Exempt hosts are spared in a family in which they have no address, too."""
    request = request_of_service([NAS], PCS, Match(6, 445), WEEK._replace(allow=(*PCS[1:], CAMERA)), [])
    assert [cut.client.texts[0] for cut in simulate(request, network()).cuts] == [PCS[0].texts[0], "10.20.30.99"]


def test_all_that_is_outside_is_all_but_the_inside_and_reserved_space(golden: Golden) -> None:
    """External addresses are blocked; configured internal networks, reserved ones and exceptions are not."""
    inside = [
        ipaddress.ip_network(block)
        for block in ("10.0.0.0/8", "192.168.0.0/16", "198.51.100.0/24", "fc00::/7", "2001:db8:1::/48")
    ]
    request = request_of_outside(
        [LAPTOP, CAMERA], inside, WEEK._replace(allow=(C2,)), [17 << 16 | 123, HTTPS], ["it needs nothing there"]
    )
    golden(request.title)
    assert [ends(rule)[0] for rule in request.rules] == [["10.20.10.62/32", "10.20.10.101/32"], ["2001:db8:1::101/128"]]
    blocked = {text: any(ipaddress.ip_address(text) in block for rule in request.rules for block in rule.destinations) for text in (
        "9.255.255.255", "11.0.0.1", "203.0.113.65", "2001:db8:2::1", "10.1.2.3", "198.51.100.7", "203.0.113.66",
        "224.0.0.251", "255.255.255.255", "2001:db8:1::5", "fd00::1", "fe80::1", "ff02::1",
    )}  # fmt: skip
    assert [text for text, cut in blocked.items() if cut] == [
        "9.255.255.255",
        "11.0.0.1",
        "203.0.113.65",
        "2001:db8:2::1",
    ]
    golden(simulate(request, network()).warnings)


def test_what_devices_cannot_do_without_is_warned_of(golden: Golden) -> None:
    """A warning lists the external resolver and PBX of a phone, and no services that it does not use."""
    inside = [ipaddress.ip_network(block) for block in ("10.0.0.0/8", "fc00::/7", "2001:db8:1::/48")]
    request = request_of_outside(
        [CAMERA], inside, WEEK, [17 << 16 | 53, 6 << 16 | 53, 17 << 16 | 5060, 6 << 16 | 5061, HTTPS], ["it need not"]
    )
    golden(simulate(request, network()).warnings)
    web = request_of_outside(
        [CAMERA], inside, WEEK._replace(match=Match(6, 443)), [17 << 16 | 53, HTTPS], ["it need not"]
    )
    assert simulate(web, network()).warnings == ()
