"""Addresses as integers, internal and external, and MACs."""

from __future__ import annotations

import pytest

from sensor.core.addresses import (
    Networks,
    is_group_mac,
    is_host,
    is_multicast,
    is_random_mac,
    is_v4,
    mac_text,
    parse,
    parse_mac,
    parse_network,
    text,
    v4,
)


@pytest.mark.parametrize("written", ["10.0.0.1", "255.255.255.255", "fe80::1", "2001:db8::a:b", "::1"])
def test_text_and_back(written: str) -> None:
    """Formatting a parsed address gives its text."""
    assert text(parse(written)) == written


def test_the_two_families_do_not_meet() -> None:
    """An IPv4 address and the IPv6 address of the same number differ."""
    assert v4(1) != parse("::1")
    assert (is_v4(v4(1)), is_v4(parse("::1"))) == (True, False)


@pytest.mark.parametrize(("client", "server", "direction"), [
    ("10.1.1.1", "192.168.0.9", "internal"),
    ("10.1.1.1", "203.0.113.66", "outbound"),
    ("198.51.100.1", "fd00::9", "inbound"),
    ("198.51.100.1", "8.8.8.8", "external"),
    ("100.64.0.1", "224.0.0.251", "internal"),
])  # fmt: skip
def test_direction(client: str, server: str, direction: str) -> None:
    """Documentation ranges are external, carrier-grade NAT and multicast internal."""
    assert Networks().direction(parse(client), parse(server)) == direction


def test_the_operator_adds_networks() -> None:
    """A public block of the site counts as internal."""
    assert not Networks().inside(parse("203.0.113.5"))
    assert Networks(["203.0.113.0/24"]).inside(parse("203.0.113.5"))


def test_who_can_be_a_host() -> None:
    """Multicast, broadcast and the unspecified addresses belong to no host."""
    assert [
        is_host(parse(a)) for a in ("0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1", "10.0.0.1", "fe80::1")
    ] == [False] * 5 + [True] * 2
    assert is_multicast(parse("239.255.255.250"))


def test_macs() -> None:
    """MACs are parsed with any separator; group and local bits are recognized."""
    assert (
        parse_mac("00:17:C8:1a:2b:3c")
        == parse_mac("0017.c81a.2b3c")
        == parse_mac("00-17-c8-1a-2b-3c")
        == 0x0017C81A2B3C
    )
    assert mac_text(0x0017C81A2B3C) == "00:17:c8:1a:2b:3c"
    assert (is_group_mac(0x01005E0000FB), is_random_mac(0xDA0000000001), is_random_mac(0x0017C81A2B3C)) == (
        True,
        True,
        False,
    )


@pytest.mark.parametrize("text", ["00:17:c8", "0x17c81a2b3c", "cafe_cafe_ca", "+0017c81a2b3", "\uff10017c81a2b3c"])
def test_what_is_no_mac(text: str) -> None:
    """Host names of twelve characters and numbers in other notations are none: mutes accept both names and MACs."""
    with pytest.raises(ValueError, match="not a MAC"):
        parse_mac(text)


def test_networks_are_ranges() -> None:
    """A block is its first and last address; host bits are cleared."""
    assert parse_network("10.1.2.3/8") == (parse("10.0.0.0"), parse("10.255.255.255"))
    with pytest.raises(ValueError, match="/40"):
        parse_network("10.0.0.0/40")
