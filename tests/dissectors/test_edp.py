"""EDP: switches of Extreme Networks."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.edp import Edp
from tests.dissectors.samples import packets, values

HEAD = bytes.fromhex("00e02b00bb 01 00 0014 0000 0001 0000 020000000001")


def dissect(payload: bytes) -> list[object]:
    return list(Edp().dissect(Packet(payload, src_mac=0x020000000001, ethertype=0xBB, ip_version=0, proto=0)))


def test_name_port_and_version() -> None:
    """Slots and ports are counted from one."""
    parsed = list(Edp().dissect(packets("edp")[0]))
    assert (parsed[0].chassis, parsed[0].port, parsed[0].name, parsed[0].description) == (
        "02:00:5e:00:53:01",
        "1/24",
        "x440-west",
        "31.7.1.4",
    )
    assert values(parsed) == [
        ("edp.hostname", "x440-west"),
        ("edp.version", "31.7.1.4"),
        ("edp.chassis", "02:00:5e:00:53:01"),
        ("edp.port", "1/24"),
    ]


def test_vlans() -> None:
    """VLANs are reported with their names, and with the addresses of those that have one."""
    event = next(iter(Edp().dissect(packets("edp")[1])))
    assert event.vlans == ((20, "office"), (30, "phones"))
    assert event.addresses == (parse("10.20.20.4"),)


@pytest.mark.parametrize("payload", [b"", HEAD[:12], b"\0" * 40, HEAD[:5] + b"\2" + HEAD[6:] + bytes(4)])
def test_others_are_left_alone(payload: bytes) -> None:
    """Other vendors and versions yield nothing."""
    assert dissect(payload) == []


@pytest.mark.parametrize("rest", ["", "99010002", "990100ff"])
def test_malformed(rest: str) -> None:
    """A length or field past the end of the frame, and a field shorter than its header, are malformed."""
    with pytest.raises(Malformed):
        dissect(HEAD + bytes.fromhex(rest))
