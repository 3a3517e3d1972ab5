"""CDP: neighbours of Cisco and of vendors that copied the protocol."""

from __future__ import annotations

import struct

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.cdp import Cdp
from tests.dissectors.samples import events, packets, values

SNAP = bytes.fromhex("00000c2000")


def field(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, 4 + len(value)) + value


def dissect(
    *fields: bytes, head: bytes = SNAP + b"\x02\xb4\0\0", problem: int = 0, mac: int = 0x020000000001
) -> list[object]:
    return list(
        Cdp().dissect(
            Packet(head + b"".join(fields), src_mac=mac, ethertype=0x2000, ip_version=0, proto=0, problem=problem)
        )
    )


def test_a_switch() -> None:
    """A switch reports names, software, capabilities, each address once, VLANs and the VTP domain."""
    parsed = list(Cdp().dissect(packets("cdp")[0]))
    event = parsed[0]
    assert (event.chassis, event.port, event.name, event.platform) == (
        "sw-3f-02.example.net",
        "GigabitEthernet1/0/14",
        "sw-3f-02.example.net",
        "cisco C9300-48P",
    )
    assert (event.vlan, event.voice_vlan, event.vtp_domain, event.version, event.life_s, event.half_duplex) == (
        20,
        30,
        "FLOOR3",
        2,
        180,
        False,
    )
    assert event.addresses == (parse("10.20.0.3"), parse("fd00:20::3"))
    facts = values(parsed)
    assert ("cdp.capabilities", "router,switch,igmp") in facts
    assert ("cdp.platform", "cisco C9300-48P") in facts
    assert dict(facts)["cdp.version"].startswith(
        "Cisco IOS Software [Fuji], Catalyst L3 Switch Software (CAT9K_IOSXE), Version 16.9.5,"
    )


def test_a_phone_asks_for_voice_and_power() -> None:
    """A phone reports its voice VLAN, power consumption and name."""
    parsed = list(Cdp().dissect(packets("cdp")[1]))
    assert (parsed[0].voice_vlan, parsed[0].power_mw, parsed[0].half_duplex) == (30, 6300, True)
    assert parsed[0].capabilities == ("host", "telephone", "two_port_relay")
    assert ("cdp.hostname", "SEP02005E005302") in values(parsed)


def test_object_id_and_location() -> None:
    """The object id is decoded, and the location is read behind its first byte."""
    event = next(iter(Cdp().dissect(packets("cdp")[2])))
    assert (event.object_id, event.location, event.serial) == ("1.3.6.1.4.1.9.12.3.1.3.945", "Rack 4", "FOX1234A5BC")


@pytest.mark.parametrize(
    ("device", "names", "serial"),
    [
        (b"core-1(FOX1234A5BC)", ["core-1"], "FOX1234A5BC"),
        (b"069000057(core-1)", ["core-1"], "069000057"),
        (b"TBM12345678(core-1)", ["core-1"], "TBM12345678"),
        (b"lab (west)", ["lab (west)"], ""),
        (b"00180a123456", [], ""),
        (b"00:18:0a:12:34:56", [], ""),
        (b"0018.0a12.3456", [], ""),
        (b"AP70db.9812.aabb", ["AP70db.9812.aabb"], ""),
        (b"\x00\x18\x0a\x12\x34\x56", [], ""),
    ],
)
def test_device_ids(device: bytes, names: list[str], serial: str) -> None:
    """A serial number in the device id is separated from the name; a MAC is not a name."""
    parsed = values(dissect(field(1, device)))
    assert [value for kind, value in parsed if kind == "cdp.hostname"] == names
    assert dict(parsed).get("cdp.serial", "") == serial


def test_serial_lines() -> None:
    """Cisco HDLC has no SNAP header; without a MAC there is no observation."""
    parsed = dissect(field(1, b"R1"), head=b"\x02\xb4\0\0", mac=0)
    assert events(parsed)[0][1:4] == ("R1", "", "R1")
    assert values(parsed) == []


@pytest.mark.parametrize(
    "head",
    [
        bytes.fromhex("00e0522000 01b40000"),
        SNAP + b"\x03\xb4\0\0",
        SNAP + b"\x02",
        b"",
        b"\x00\x00\x5e\x20\x00" + bytes(9),
    ],
)
def test_others_are_left_alone(head: bytes) -> None:
    """FDP, unknown versions and messages that are too short yield nothing."""
    assert dissect(head=head) == []


def test_malformed() -> None:
    """Fields shorter than their own header or longer than the message, and a message without fields, are malformed."""
    with pytest.raises(Malformed, match="shorter"):
        dissect(b"\0\1\0\3")
    with pytest.raises(Malformed, match="longer"):
        dissect(b"\0\1\0\x20name")
    with pytest.raises(Malformed, match="without fields"):
        dissect()


def test_cut_by_the_capture() -> None:
    """A truncated field is omitted, except the software version: its beginning names vendor and system."""
    parsed = values(dissect(field(1, b"R1"), field(6, b"cisco 3725")[:-3], problem=1))
    assert parsed == [("cdp.device_id", "R1"), ("cdp.hostname", "R1")]
    parsed = values(dissect(field(1, b"R1"), field(5, b"Cisco IOS Software")[:-3], problem=1))
    assert parsed[-1] == ("cdp.version", "Cisco IOS Softw")


@pytest.mark.parametrize(
    "listed", ["00000005", "0000000101", "000000010101cc0004e0000001", "000000010101cc00ff0a000001"]
)
def test_address_lists_that_lie(listed: str) -> None:
    """Address lists with wrong counts or lengths, and group addresses, yield no address."""
    assert dissect(field(1, b"R1"), field(2, bytes.fromhex(listed)))[0].addresses == ()
