"""SADP: discovery of Hikvision devices, by themselves and by recorders that report other devices."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.sadp import Sadp
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "an inquiry": ([("SadpRequest", "inquiry", False)], []),
    "a camera without a password": (
        [
            (
                "SadpAnswer",
                "DS-2CD2042WD-I",
                "V5.5.82build 190220",
                "DS-2CD2042WD-I20160530AAWR612345678",
                0x02005E005306,
                parse("10.20.30.16"),
                False,
                True,
            )
        ],
        [
            ("sadp.model", "DS-2CD2042WD-I"),
            ("sadp.firmware", "V5.5.82build 190220"),
            ("sadp.serial", "DS-2CD2042WD-I20160530AAWR612345678"),
        ],
    ),
    "a recorder with a brand": (
        [
            (
                "SadpAnswer",
                "DS-7608NI-I2/8P",
                "V5.5.82build 190220",
                "DS-7608NI-I2/8P0820170701CCRR812345678WCVU",
                0x02005E005301,
                parse("10.20.30.17"),
                True,
                True,
            )
        ],
        [
            ("sadp.model", "DS-7608NI-I2/8P"),
            ("sadp.firmware", "V5.5.82build 190220"),
            ("sadp.serial", "DS-7608NI-I2/8P0820170701CCRR812345678WCVU"),
            ("sadp.vendor", "LTS & Sons"),
        ],
    ),
    "a recorder about a camera behind it": (
        [
            (
                "SadpAnswer",
                "DS-2CD2142FWD-I",
                "V5.5.82build 190220",
                "DS-2CD2142FWD-I20161111AAWR699999999",
                0x4419B65E5309,
                parse("192.168.254.3"),
                True,
                False,
            )
        ],
        [],
    ),
    "an order with a password": ([("SadpRequest", "update", True)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Sadp().dissect(packets("sadp")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("sadp")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"M-SEARCH * HTTP/1.1", b"<Envelope><Body/></Envelope>"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Sadp().dissect(Packet(payload))) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"<Probe><!ENTITY a 'b'></Probe>",
        b"<ProbeMatch></ProbeMatch>",
        b"<Probe>" + b" " * 9000,
        b"<!DOCTYPE x><Probe></Probe>",
    ],
)
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Sadp().dissect(Packet(payload)))
    assert list(Sadp().dissect(Packet(payload, problem=1))) == []


def test_addresses_decide_where_a_router_lies_between() -> None:
    """Behind a router the address in the answer identifies the sender, as the frame's MAC is the router's."""
    packet = packets("sadp")[1]
    moved = Packet(packet.payload, src=packet.src, src_mac=0x020000000001, sport=37020, dport=37020)
    assert values(Sadp().dissect(moved)) == values(Sadp().dissect(packet))
