"""Modbus: writes, reads (once), exceptions, and identification of controllers."""

from __future__ import annotations

import pytest

from pcaps.dissectors.modbus import message, objects
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.modbus import Modbus
from tests.dissectors.samples import events, facts, packets, values


def feed(*parts: tuple[bool, bytes]) -> list[object]:
    stream = Modbus().stream(Packet())
    return [parsed for from_client, part in parts for parsed in stream.feed(Packet(proto=6), part, from_client)]


def test_sample() -> None:
    """Reads are reported once, writes always; an identification is the sender's unless it is from another unit."""
    stream = Modbus().stream(Packet())
    parsed = [one for packet in packets("modbus") for one in stream.feed(packet, packet.payload, packet.dport == 502)]
    assert events(parsed) == [
        ("ModbusRequest", 255, 3, 100, 10, False, ""),
        ("ModbusRequest", 255, 6, 40, 1, True, ""),
        ("ModbusRequest", 255, 16, 200, 2, True, ""),
        ("ModbusException", 255, 16, 2),
        ("ModbusRequest", 255, 43, -1, 0, False, ""),
        (
            "ModbusIdentification",
            255,
            (("vendor_name", "Schneider Electric"), ("product_code", "TM221CE24R"), ("revision", "V1.10")),
        ),
        ("ModbusRequest", 7, 17, -1, 0, False, ""),
        ("ModbusIdentification", 7, (("server_id", "Relay 7 v1"),)),
        ("ModbusRequest", 0, 90, -1, 0, False, ""),
        ("ModbusIdentification", 0, (("schneider_model", "BMX P34 2020"), ("schneider_firmware", "2.60"))),
    ]
    server = ("02:00:5e:00:53:03", "10.20.30.13")
    assert facts(parsed) == [
        (*server, "modbus.role", "Modbus server"),
        (*server, "modbus.vendor_name", "Schneider Electric"),
        (*server, "modbus.product_code", "TM221CE24R"),
        (*server, "modbus.revision", "V1.10"),
        (*server, "modbus.schneider_model", "BMX P34 2020"),
        (*server, "modbus.schneider_firmware", "2.60"),
    ]


def test_unsolicited_answer() -> None:
    """Schneider's identification is accepted only as the response to its request."""
    answer = message(9, 0, 90, b"\0\xfe" + bytes(21) + b"\4ABCD")
    assert [event[0] for event in events(feed((False, answer)))] == []
    assert [event[0] for event in events(feed((True, message(9, 0, 90, b"\0\2")), (False, answer)))] == [
        "ModbusRequest",
        "ModbusIdentification",
    ]


def test_programming_tools_of_schneider() -> None:
    """Requests that start, stop, program or write are named, each time; others are reported once."""
    codes = (0x10, 0x02, 0x41, 0x12, 0x41, 0x40, 0x30, 0x22, 0x23)
    parsed = feed(*[(True, message(n, 0, 90, bytes((0x3B, code, 0xFF, 0)))) for n, code in enumerate(codes)])
    names = ("", "stop", "stop", "start", "download request", "write variables")
    assert [(one[5], one[6]) for one in events(parsed)] == [(bool(name), name) for name in names]
    assert events(feed((True, message(1, 0, 90, b"\x3b")))) == [("ModbusRequest", 0, 90, -1, 0, False, "")]


def test_unit_behind_a_gateway() -> None:
    """The identification of a unit behind a gateway yields an event and no observation."""
    parsed = feed((False, message(1, 9, 43, objects("Maker", "X"))))
    assert events(parsed) == [("ModbusIdentification", 9, (("vendor_name", "Maker"), ("product_code", "X")))]
    assert values(parsed) == [("modbus.role", "Modbus server")]


@pytest.mark.parametrize(
    ("from_client", "payload"),
    [
        (True, b"GET / HTTP/1.1\r\n"),
        (True, b"\0\1\0\0\0\1\xff\3"),
        (True, b"\0\1\0\0\xff\xff\xff\3"),
        (True, message(1, 1, 3, b"\0")),
        (False, message(1, 1, 43, b"\x0e\1\x83\0\0\2\0\x20x")),
    ],
)
def test_malformed(from_client: bool, payload: bytes) -> None:
    """Other protocols, invalid lengths, and truncated requests and objects are malformed."""
    with pytest.raises(Malformed):
        feed((from_client, payload))


def test_after_a_gap() -> None:
    """After a gap, parsing resumes at a segment of complete messages."""
    stream, packet = Modbus().stream(Packet()), Packet(proto=6)
    write = message(3, 255, 6, bytes(4))
    list(stream.gap(packet, 5, True))
    assert list(stream.feed(packet, write[3:], True)) == []
    assert events(list(stream.feed(packet, write + write, True))) == [("ModbusRequest", 255, 6, 0, 1, True, "")] * 2
