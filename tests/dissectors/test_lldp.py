"""LLDP: neighbours, and messages that are not announcements."""

from __future__ import annotations

import struct

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.lldp import Lldp
from tests.dissectors.samples import events, packets, values
from tests.golden import Golden

MAC = 0x00408CA1B2C3
HEAD = bytes.fromhex("0207 04 00408ca1b2c3  0407 03 00408ca1b2c3  0602 0078")
MED = "0012bb"


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!H", kind << 9 | len(value)) + value


def dissect(*fields: bytes, head: bytes = HEAD, problem: int = 0) -> list[object]:
    return list(
        Lldp().dissect(
            Packet(head + b"".join(fields), src_mac=MAC, ethertype=0x88CC, ip_version=0, proto=0, problem=problem)
        )
    )


def test_a_phone_reports_its_inventory() -> None:
    """A phone reports its LLDP-MED inventory, power and addresses; empty fields yield no observation."""
    parsed = list(Lldp().dissect(packets("lldp")[0]))
    assert values(parsed) == [
        ("lldp.hostname", "SIP-T46S"),
        ("lldp.system_description", "66.85.0.5"),
        ("lldp.chassis", "10.20.30.12"),
        ("lldp.port", "00:15:65:5e:53:02"),
        ("lldp.capabilities", "bridge,telephone"),
        ("lldp.med_class", "communication_endpoint"),
        ("lldp.med_hardware", "66.0.0.128.0.0.0.0"),
        ("lldp.med_firmware", "66.85.0.5"),
        ("lldp.med_software", "66.85.0.5"),
        ("lldp.med_serial", "805ec0000001"),
        ("lldp.med_manufacturer", "YEALINK"),
        ("lldp.med_model", "SIP-T46S"),
        ("lldp.address", "10.20.30.12"),
    ]
    assert (parsed[0].med_class, parsed[0].power_mw, parsed[0].life_s) == ("communication_endpoint", 5900, 180)


def test_a_switch_reports_port_and_vlans() -> None:
    """A switch reports port, description, VLAN, voice VLAN, management addresses and enabled capabilities only."""
    parsed = list(Lldp().dissect(packets("lldp")[1]))
    event = parsed[0]
    assert (event.chassis, event.port, event.port_description, event.name) == (
        "02:00:5e:00:53:01",
        "ge-0/0/7",
        "Floor 3, desk 14",
        "sw-3f-01.example.net",
    )
    assert (event.vlan, event.voice_vlan, event.power_mw) == (30, 30, 5900)
    assert (event.capabilities, event.supported) == (("bridge",), ("bridge", "router"))
    assert event.addresses == (parse("10.20.0.2"), parse("fd00:20::2"))
    assert ("lldp.capabilities", "bridge") in values(parsed)


def test_a_port_that_goes_down_claims_nothing() -> None:
    """A time to live of 0 is a shutdown and yields no observation."""
    parsed = dissect(tlv(5, b"printer"), head=HEAD[:-2] + b"\0\0")
    assert events(parsed) == [("LldpShutdown", "00:40:8c:a1:b2:c3", "00:40:8c:a1:b2:c3")]
    assert values(parsed) == []


def test_names_are_cleaned() -> None:
    """Control characters, invalid UTF-8 and surrounding spaces are cleaned; an empty name is omitted."""
    parsed = values(dissect(tlv(5, b" cam\x1b[31m\xff\n "), tlv(6, b"\0\0")))
    assert ("lldp.hostname", "cam [31m�") in parsed
    assert "lldp.system_description" not in dict(parsed)


@pytest.mark.parametrize("nothing", [b"", b"  ", b"N/A", b"none", b"Not Specified", b"-"])
def test_an_inventory_of_nothing(nothing: bytes) -> None:
    """Placeholders that vendors write into empty inventory fields yield no observation."""
    assert "lldp.med_serial" not in dict(values(dissect(tlv(127, bytes.fromhex(MED + "08") + nothing))))


def test_the_end_ends() -> None:
    """Fields after the end mark are not parsed."""
    assert "lldp.hostname" not in dict(values(dissect(tlv(0, b""), tlv(5, b"ghost"))))


def test_the_first_of_two_counts() -> None:
    """Of a field that may occur once only the first is used."""
    assert [value for kind, value in values(dissect(tlv(5, b"one"), tlv(5, b"two"))) if kind == "lldp.hostname"] == [
        "one"
    ]


@pytest.mark.parametrize(
    "value",
    [
        "0501ffffffff0200000001 00",
        "0501000000000200000001 00",
        "0901 0a140002",
        "00",
        "",
        "0502 0a140002 0200000001 00",
    ],
)
def test_impossible_management_addresses_are_left_out(value: str) -> None:
    """Broadcast and zero addresses, wrong lengths and unknown families yield no management address."""
    parsed = dissect(tlv(8, bytes.fromhex(value)))
    assert parsed[0].addresses == ()


@pytest.mark.parametrize(
    "power", [tlv(127, bytes.fromhex(MED + "0453003b")), tlv(127, bytes.fromhex("00120f02 01000152003b003b"))]
)
def test_power(power: bytes) -> None:
    """Power is in tenths of a watt, in LLDP-MED and in IEEE 802.3."""
    assert dissect(power)[0].power_mw == 5900


def test_unknown_policy_has_no_vlan() -> None:
    """A network policy marked as unknown gives no voice VLAN."""
    policy = (1 << 23 | 30 << 9).to_bytes(3, "big")
    assert dissect(tlv(127, bytes.fromhex(MED + "0201") + policy))[0].voice_vlan == 0


def test_policy_of_voice() -> None:
    """The network policy for voice gives the voice VLAN; the one for video does not."""
    known = (30 << 9 | 5 << 6 | 46).to_bytes(3, "big")
    assert dissect(tlv(127, bytes.fromhex(MED + "0201") + known))[0].voice_vlan == 30
    assert dissect(tlv(127, bytes.fromhex(MED + "0206") + known))[0].voice_vlan == 0


@pytest.mark.parametrize("chassis", [b"\x07\x01\x02\xff", b"\x04\x01\x02"])
def test_ids_that_are_no_text_are_hex(chassis: bytes) -> None:
    """A binary id is shown as hexadecimal bytes."""
    head = tlv(1, chassis) + HEAD[9:]
    assert dissect(head=head)[0].chassis == chassis[1:].hex(":")


@pytest.mark.parametrize(
    "payload",
    [
        HEAD[9:] + HEAD[:9],
        b"",
        HEAD + b"\x0a\x40name",
        b"\x02\x01\x04" + HEAD[9:],
    ],
    ids=("order", "empty", "long field", "id without value"),
)
def test_malformed(golden: Golden, payload: bytes) -> None:
    """Mandatory fields that are missing or out of order, and fields past the end of the message, are malformed."""
    with pytest.raises(Malformed) as raised:
        dissect(head=payload)
    golden(str(raised.value))


def test_cut_by_the_capture() -> None:
    """A truncated message is not malformed; complete fields are reported."""
    parsed = values(dissect(tlv(5, b"printer"), tlv(6, b"a description")[:-4], problem=1))
    assert ("lldp.hostname", "printer") in parsed
    assert "lldp.system_description" not in dict(parsed)
