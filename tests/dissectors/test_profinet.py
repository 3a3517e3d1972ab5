"""PROFINET: stations, and requests that change them."""

from __future__ import annotations

import pytest

from pcaps.dissectors.profinet import CONTROLLER, FOUND, GET_SET, block, message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.profinet import Profinet
from tests.dissectors.samples import events, facts, packets, values

# Events of each frame of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "search": ([("ProfinetSearch", "")], []),
    "search for a name": ([("ProfinetSearch", "plc-press-2")], []),
    "controller": (
        [("ProfinetDevice", "plc-press-2", "S7-1200", 42, 0x010D, "IO controller", "10.20.30.13")],
        [
            ("profinet.device_name", "plc-press-2"),
            ("profinet.model", "S7-1200"),
            ("profinet.role", "IO controller"),
            ("profinet.vendor_id", "42"),
        ],
    ),
    "device without an address": (
        [("ProfinetDevice", "et-1", "ET200SP", 42, 0x0313, "IO device", "")],
        [
            ("profinet.device_name", "et-1"),
            ("profinet.model", "ET200SP"),
            ("profinet.role", "IO device"),
            ("profinet.vendor_id", "42"),
        ],
    ),
    "name": ([("ProfinetRequest", "set name", "press")], []),
    "result": ([("ProfinetMessage", GET_SET, 4)], []),
    "address": ([("ProfinetRequest", "set address", "10.20.30.99")], []),
    "factory settings": ([("ProfinetRequest", "factory reset", "")], []),
    "light": ([("ProfinetMessage", GET_SET, 4)], []),
    "get": ([("ProfinetMessage", GET_SET, 3)], []),
}


def dissect(payload: bytes) -> list[object]:
    return list(Profinet().dissect(Packet(payload, ethertype=0x8892, ip_version=0, proto=0)))


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_frames(number: int, name: str) -> None:
    parsed = list(Profinet().dissect(packets("profinet")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_the_sender_is_known_by_its_mac() -> None:
    assert facts(Profinet().dissect(packets("profinet")[2]))[0][:2] == ("02:00:5e:00:53:03", "-")


def test_several_changes_in_one_request() -> None:
    request = message(GET_SET, 4, 0, block(2, 2, b"\0\1odd"), block(5, 5, b"\0\0"))
    assert events(dissect(request)) == [
        ("ProfinetRequest", "set name", "odd"),
        ("ProfinetRequest", "factory reset", ""),
    ]


@pytest.mark.parametrize("payload", [b"", b"\x80", b"\x80\0" + bytes(40), b"\xfe\x01" + bytes(40)])
def test_cyclic_data_and_alarms_report_nothing(payload: bytes) -> None:
    assert dissect(payload) == []


def test_malformed() -> None:
    """Frames shorter than their blocks, and blocks longer than what is left of them."""
    for payload in (CONTROLLER[:20], CONTROLLER[:9], message(FOUND, 5, 1, b"\2\2\0\x40name")):
        with pytest.raises(Malformed):
            dissect(payload)
