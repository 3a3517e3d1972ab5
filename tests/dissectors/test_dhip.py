"""DHIP: discovery of Dahua devices, by themselves and by recorders that report other devices."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.dhip import Dhip
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("DhipRequest", "DHDiscover.search")], []),
    "a camera": (
        [
            (
                "DhipAnswer",
                "IPC-HDW4431C-A",
                "IPC",
                "2.800.0000000.16.R",
                "4A05E2DPAG12345",
                0x02005E005306,
                parse("10.20.30.16"),
                True,
            )
        ],
        [
            ("dhip.model", "IPC-HDW4431C-A"),
            ("dhip.class", "IPC"),
            ("dhip.firmware", "2.800.0000000.16.R"),
            ("dhip.serial", "4A05E2DPAG12345"),
            ("dhip.vendor", "Private"),
            ("dhip.hostname", "Lobby"),
        ],
    ),
    "a recorder named by its serial number": (
        [
            (
                "DhipAnswer",
                "NVR5216-4KS2",
                "NVR",
                "4.001.0000006.1",
                "4D0B1F2PAZ54321",
                0x02005E005301,
                parse("10.20.30.17"),
                True,
            )
        ],
        [
            ("dhip.model", "NVR5216-4KS2"),
            ("dhip.class", "NVR"),
            ("dhip.firmware", "4.001.0000006.1"),
            ("dhip.serial", "4D0B1F2PAZ54321"),
            ("dhip.vendor", "Dahua"),
        ],
    ),
    "a recorder about a camera behind it": (
        [("DhipAnswer", "IPC-HDW4431C-A", "IPC", "", "4A05E2DPAG12345", 0x9002A95E5309, parse("10.1.1.3"), False)],
        [],
    ),
    "an order to change settings": ([("DhipRequest", "DHDiscover.setConfig")], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Dhip().dissect(packets("dhip")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("dhip")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b'{"method":"DHDiscover.search"}', b"\x20\0\0\0DHXP" + bytes(40)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Dhip().dissect(Packet(payload))) == []


@pytest.mark.parametrize(
    "payload",
    [b"\x20\0\0\0DHIP" + bytes(24), b"\x20\0\0\0DHIP" + bytes(24) + b"{", b"\x20\0\0\0DHIP" + bytes(24) + b"{" * 17000],
)
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Dhip().dissect(Packet(payload)))
    assert list(Dhip().dissect(Packet(payload, problem=1))) == []


def test_members_of_other_types() -> None:
    """Numbers in place of texts become text; members of other types are omitted."""
    head = packets("dhip")[1].payload[:32]
    odd = b'{"method":"client.notifyDevInfo","params":{"deviceInfo":{"DeviceType":5,"SerialNo":["x"],"Version":null,"IPv4Address":"no"}}}'
    assert values(Dhip().dissect(Packet(head + odd))) == [("dhip.model", "5")]
