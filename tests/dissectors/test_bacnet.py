"""BACnet: announcements, device properties and writes; routers and broadcast managers are not described."""

from __future__ import annotations

import pytest

from pcaps.dissectors.bacnet import i_am, message, number, text
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.bacnet import Bacnet
from tests.dissectors.samples import events, facts, packets, values


def dissect(payload: bytes, **fields: int) -> list[object]:
    return list(
        Bacnet().dissect(
            Packet(payload, src=parse("10.0.0.5"), src_mac=0x020000000005, sport=47808, dport=47808, **fields)
        )
    )


def answer(body: bytes) -> bytes:
    return message(0x0A, b"\x01\x00\x30\x01" + body)


def test_sample() -> None:
    """Every message of the sample yields its event, and the device its observations."""
    parsed = [one for packet in packets("bacnet") for one in Bacnet().dissect(packet)]
    assert events(parsed) == [
        ("BacnetWhoIs", -1, -1),
        ("BacnetWhoIs", 100, 500),
        ("BacnetIAm", 77001, 7, 0),
        ("BacnetIAm", 9, 5, 2001),
        ("BacnetIAm", 12, 260, 0),
        ("BacnetRequest", 12, "", 8, 77001),
        ("BacnetDevice", 77001, 0, (("model", "PXC4.E16"),)),
        ("BacnetRequest", 14, "", -1, -1),
        ("BacnetDevice", 77001, 0, (("vendor", "Siemens"), ("instance", "AHU 3 Süd"), ("firmware", "V1.2.3"))),
        ("BacnetRequest", 15, "write_property", 1, 101),
        ("BacnetMessage", 10, 2, -1),
        ("BacnetRequest", 20, "reinitialize_device", -1, -1),
        ("BacnetMessage", 10, 5, -1),
        ("BacnetMessage", 11, -1, -1),
        ("BacnetRequest", 15, "write_property", 1, 101),
        ("BacnetMessage", 5, -1, -1),
    ]
    device = ("02:00:5e:00:53:03", "10.20.30.13")
    assert facts(parsed) == [
        (*device, "bacnet.vendor_id", "7"),
        (*device, "bacnet.model", "PXC4.E16"),
        (*device, "bacnet.vendor", "Siemens"),
        (*device, "bacnet.instance", "AHU 3 Süd"),
        (*device, "bacnet.firmware", "V1.2.3"),
    ]


def test_router_and_broadcast_manager_share_nothing() -> None:
    """Messages with a source network or another address of origin are forwarded and do not describe their sender; a
    broadcast manager that forwards its own message is described.
    """
    own = message(0x04, bytes((10, 0, 0, 5)) + b"\xba\xc0\x01\x00" + i_am(5, 7))
    assert values(dissect(own)) == [("bacnet.vendor_id", "7")]
    assert values(dissect(own.replace(bytes((10, 0, 0, 5)), bytes((10, 0, 0, 9))))) == []
    assert values(dissect(message(0x0B, b"\x01\x08\x00\x05\x01\x09" + i_am(5, 7)))) == []


def test_other_objects_name_no_device() -> None:
    """The name of an input, read alone or in a list, is not the name of the device."""
    named = b"\x0c\x0c" + number(0, 1) + b"\x19\x4d\x3e" + text("Supply air") + b"\x3f"
    assert events(dissect(answer(named))) == [("BacnetMessage", 10, 3, 12)]
    several = b"\x0e\x0c" + number(0, 1) + b"\x1e\x29\x4d\x4e" + text("Supply air") + b"\x4f\x1f"
    assert events(dissect(answer(several))) == [("BacnetMessage", 10, 3, 14)]


def test_second_device_of_an_answer_is_left_out() -> None:
    """Only the first device of an answer with two devices is reported."""
    both = b"".join(b"\x0c" + number(8, n) + b"\x1e\x29\x46\x4e" + text(f"M{n}") + b"\x4f\x1f" for n in (1, 2))
    assert events(dissect(answer(b"\x0e" + both))) == [("BacnetDevice", 1, 0, (("model", "M1"),))]


def test_nested_values_are_passed_over() -> None:
    """Lists inside a value, booleans and long values are skipped."""
    odd = b"\x29\x4c\x4e\x0e\x19\x01\x0f\x11\x75\xfe\x01\x00" + bytes(256) + b"\x4f\x29\x46\x4e" + text("M") + b"\x4f"
    assert values(dissect(answer(b"\x0e\x0c" + number(8, 1) + b"\x1e" + odd + b"\x1f"))) == [("bacnet.model", "M")]


@pytest.mark.parametrize(
    "payload",
    [
        b"\x81\x0a\x00\x08\x02\x00\x10\x08",
        message(0x0A, b"\x01\x00\x80\x01"),
        message(0x0A, b"\x01\x00\x10\x00\x91\x03"),
        answer(b"\x0e\x0c" + number(8, 1) + b"\x1e\x29\x46\x4e" + b"\x0e" * 12),
        answer(b"\x0e\x0c" + number(8, 1) + b"\x1e\x29\x46\x4e\x5f\x1f"),
        message(0x0B, b"\x01\x00\x10\x00\xc4" + number(1, 5) + b"\x22\x05\xc4\x91\x03\x21\x07"),
    ],
)
def test_malformed(payload: bytes) -> None:
    """An unknown network layer version, a wrong object type, endless nesting and unmatched tags are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"\x81\x0a\x00\x99\x01\x00\x10\x08",
        bytes.fromhex("cf5e3102ed578105ffdbfa74d9c56503"),
    ],
)
def test_other_protocols(payload: bytes) -> None:
    """Clients use these ports too: datagrams of other protocols yield nothing and are not malformed."""
    assert dissect(payload) == []


def test_cut_by_the_capture() -> None:
    """A truncated message yields nothing and is not malformed."""
    assert dissect(message(0x0B, b"\x01\x00" + i_am(5, 7))[:-3], problem=1) == []
