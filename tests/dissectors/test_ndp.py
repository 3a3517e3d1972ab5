"""Neighbor discovery: addresses, routers, and messages that must be rejected."""

from __future__ import annotations

import pytest

from sensor.core.addresses import NONE, parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.ndp import Ndp
from tests.dissectors.samples import events, facts

FRAME_MAC = 0x0200000000AA
OWN, OTHER = "fe80::1234", "fe80::1"
SOLICITATION = bytes.fromhex("87000000 00000000") + parse(OTHER).to_bytes(16, "big")
ADVERTISEMENT = bytes.fromhex("88000000 60000000") + parse(OWN).to_bytes(16, "big")
SOURCE, TARGET = bytes.fromhex("0101 00408ca1b2c3"), bytes.fromhex("0201 00408ca1b2c3")


def dissect(payload: bytes, src: str = OWN, *, ttl: int = 255, problem: int = 0) -> list[object]:
    return list(
        Ndp().dissect(
            Packet(
                payload,
                src=parse(src),
                src_mac=FRAME_MAC,
                ttl=ttl,
                problem=problem,
                ip_version=6,
                proto=58,
                ethertype=0x86DD,
            )
        )
    )


def test_solicitation_claims_its_source() -> None:
    """The sender of a solicitation has the MAC in its option."""
    parsed = dissect(SOLICITATION + SOURCE)
    assert events(parsed) == [("NdpNeighbourSolicitation", 0x00408CA1B2C3, parse(OWN), parse(OTHER))]
    assert facts(parsed) == [("00:40:8c:a1:b2:c3", OWN, "ndp.address", OWN)]


def test_duplicate_detection_claims_nothing() -> None:
    """A solicitation from the unspecified address is duplicate address detection and yields no observation."""
    parsed = dissect(SOLICITATION, "::")
    assert events(parsed) == [("NdpNeighbourSolicitation", FRAME_MAC, NONE, parse(OTHER))]
    assert facts(parsed) == []


def test_advertisement_claims_its_target() -> None:
    """The observation is about the target and its MAC, not about the sender of the packet."""
    parsed = dissect(ADVERTISEMENT + TARGET, "2001:db8::9")
    assert events(parsed) == [("NdpNeighbourAdvertisement", 0x00408CA1B2C3, parse(OWN), False, True, True)]
    assert facts(parsed) == [("00:40:8c:a1:b2:c3", OWN, "ndp.address", OWN)]


def test_advertisement_without_option_uses_the_frame() -> None:
    """An advertisement without a MAC option uses the frame's MAC. The router flag gives the role."""
    parsed = dissect(bytes.fromhex("88000000 c0000000") + parse(OWN).to_bytes(16, "big"))
    assert facts(parsed) == [
        ("02:00:00:00:00:aa", OWN, "ndp.address", OWN),
        ("02:00:00:00:00:aa", OWN, "ndp.role", "router"),
    ]


def test_router_advertisement_reports_what_it_offers() -> None:
    """Lifetime, managed flag, prefixes, DNS servers and MTU are reported, and the router role."""
    prefix = bytes.fromhex("0304 40c0 00015180 00003840 00000000 20010db8003000000000000000000000")
    dns = bytes.fromhex("1903 0000 00000708 20010db8003000000000000000000053")
    parsed = dissect(
        bytes.fromhex("86000000 40 80 0708 00000000 00000000")
        + SOURCE
        + bytes.fromhex("0501 0000 000005d4")
        + prefix
        + dns
    )
    assert events(parsed) == [
        (
            "NdpRouterAdvertisement",
            0x00408CA1B2C3,
            1800,
            True,
            ((parse("2001:db8:30::"), 64),),
            (parse("2001:db8:30::53"),),
            1492,
        ),
    ]
    assert facts(parsed) == [
        ("00:40:8c:a1:b2:c3", OWN, "ndp.address", OWN),
        ("00:40:8c:a1:b2:c3", OWN, "ndp.role", "router"),
    ]


def test_router_solicitation_and_redirect() -> None:
    """A router solicitation yields an event; a redirect yields an event and no observation."""
    assert events(dissect(bytes.fromhex("85000000 00000000") + SOURCE)) == [("NdpRouterSolicitation", 0x00408CA1B2C3)]
    parsed = dissect(
        bytes.fromhex("89000000 00000000")
        + parse(OTHER).to_bytes(16, "big")
        + parse("2001:db8::5").to_bytes(16, "big")
        + TARGET
    )
    assert events(parsed) == [("NdpRedirect", 0x00408CA1B2C3, parse(OTHER), parse("2001:db8::5"))]
    assert facts(parsed) == []


@pytest.mark.parametrize("payload", [SOLICITATION[:23], SOLICITATION + b"\1\0", SOLICITATION + b"\1\2" + bytes(6), b""])
def test_malformed(payload: bytes) -> None:
    """Short messages and options of zero or excessive length are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)


def test_far_senders_and_group_targets_are_malformed() -> None:
    """A hop limit below 255 and a multicast target are malformed (RFC 4861, 7.1.1)."""
    with pytest.raises(Malformed):
        dissect(SOLICITATION, ttl=254)
    with pytest.raises(Malformed):
        dissect(bytes.fromhex("87000000 00000000") + parse("ff02::1").to_bytes(16, "big"))


def test_cut_by_the_capture() -> None:
    """A truncated message yields its available fields."""
    assert dissect(SOLICITATION[:20], problem=1) == []
    assert events(dissect(SOLICITATION + SOURCE[:6], problem=1)) == [
        ("NdpNeighbourSolicitation", FRAME_MAC, parse(OWN), parse(OTHER))
    ]


def test_other_messages_are_ignored() -> None:
    """An echo request is not neighbor discovery and not malformed."""
    assert dissect(bytes.fromhex("80000000 00000000")) == []


def test_an_option_of_a_length_that_it_does_not_have() -> None:
    """A list of DNS servers has an odd length (RFC 8106, 5.1); an even one is reported beside the advertisement."""
    begin, server = bytes.fromhex("86000000 4000 0708 00000000 00000000"), parse(OTHER).to_bytes(16, "big")
    whole = dissect(begin + bytes((25, 3)) + bytes(6) + server)
    odd = dissect(begin + bytes((25, 4)) + bytes(6) + server + bytes(8))
    assert [each[0] for each in events(whole)] == ["NdpRouterAdvertisement"]
    assert events(odd)[1:] == [("NdpBrokenOption", 25, 4)]
