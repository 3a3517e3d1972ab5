"""ARP: claims of addresses, and requests."""

from __future__ import annotations

import pytest

from sensor.core.addresses import NONE, parse
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.arp import Arp, ArpAnnouncement, ArpReply, ArpRequest
from tests.dissectors.samples import values

MAC = 0x00408CA1B2C3
ETHERNET = bytes.fromhex("0001080006040001")
REQUEST = ETHERNET + bytes.fromhex("00408ca1b2c3 0a141e10 000000000000 0a141e01")


def dissect(payload: bytes, **fields: int) -> list[object]:
    return list(Arp().dissect(Packet(payload, ts=5, src_mac=MAC, vlan=40, ethertype=0x0806, **fields)))


def test_request_asks_for_its_target_and_claims_its_sender() -> None:
    """A request yields its event and an observation of the sender's own address."""
    request, claim = dissect(REQUEST)
    assert isinstance(request, ArpRequest)
    assert (request.sender_mac, request.sender, request.target) == (MAC, parse("10.20.30.16"), parse("10.20.30.1"))
    assert claim == Observation(5, Subject(MAC, parse("10.20.30.16"), 40), "arp.address", "10.20.30.16")


def test_reply_claims_the_requested_address() -> None:
    """A reply yields an observation about its sender; padding of the frame is ignored."""
    reply, claim = dissect(bytes.fromhex("0001080006040002 00408ca1b2c3 0a141e10 020000000001 0a141e01") + bytes(18))
    assert isinstance(reply, ArpReply)
    assert (reply.sender, reply.target) == (parse("10.20.30.16"), parse("10.20.30.1"))
    assert values([claim]) == [("arp.address", "10.20.30.16")]


@pytest.mark.parametrize("operation", [1, 2])
def test_announcement_is_about_the_sender(operation: int) -> None:
    """Gratuitous requests and replies are announcements and claim the sender's address."""
    announcement, claim = dissect(
        bytes.fromhex(f"000108000604000{operation} 00408ca1b2c3 0a141e10 ffffffffffff 0a141e10")
    )
    assert type(announcement) is ArpAnnouncement
    assert values([claim]) == [("arp.address", "10.20.30.16")]


def test_probe_claims_nothing() -> None:
    """A probe (RFC 5227) comes from 0.0.0.0: it is a request without a sender and yields no observation."""
    (probe,) = dissect(ETHERNET + bytes.fromhex("00408ca1b2c3 00000000 000000000000 0a141e10"))
    assert type(probe) is ArpRequest
    assert (probe.sender, probe.target) == (NONE, parse("10.20.30.16"))


@pytest.mark.parametrize(
    "sender",
    [
        "000000000000 0a141e10",
        "01005e000001 0a141e10",
        "00408ca1b2c3 e00000fb",
        "00408ca1b2c3 ffffffff",
        "00408ca1b2c3 00000001",
    ],
)
def test_impossible_claims_are_no_facts(sender: str) -> None:
    """A sender with a zero or group MAC, or a group, broadcast or 0/8 address, yields the event but no observation."""
    parsed = dissect(ETHERNET + bytes.fromhex(sender + " 000000000000 0a141e01"))
    assert [type(one) for one in parsed] == [ArpRequest]


@pytest.mark.parametrize("head", ["0001080006040003", "0001080006040008", "0020080014040001", "000186dd06100001"])
def test_other_kinds_are_ignored(head: str) -> None:
    """Reverse and inverse ARP, other links and other protocols yield nothing and are not malformed."""
    assert dissect(bytes.fromhex(head) + bytes(40)) == []


def test_wrong_sizes_are_malformed() -> None:
    """Ethernet and IPv4 with other address sizes are malformed."""
    with pytest.raises(Malformed):
        dissect(bytes.fromhex("0001080008040001") + bytes(24))


def test_short_message() -> None:
    """A message that ends early is malformed, unless the capture truncated it."""
    with pytest.raises(Malformed):
        dissect(REQUEST[:27])
    assert dissect(REQUEST[:27], problem=1) == []
