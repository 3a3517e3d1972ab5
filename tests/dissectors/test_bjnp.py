"""BJNP: printers and scanners of Canon."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.bjnp import Bjnp
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search for printers": ([("BjnpRequest", 1, 1)], []),
    "a search for scanners": ([("BjnpRequest", 2, 1)], []),
    "a printer": (
        [("BjnpAnswer", 1, 1, 0x02005E005303, parse("10.20.30.13"), "", "", True)],
        [("bjnp.device", "printer")],
    ),
    "a scanner": (
        [("BjnpAnswer", 2, 1, 0x02005E005303, parse("10.20.30.13"), "", "", True)],
        [("bjnp.device", "scanner")],
    ),
    "somebody else's printer": ([("BjnpAnswer", 1, 1, 0x001E8F5E5309, parse("10.20.30.99"), "", "", False)], []),
    "who are you": ([("BjnpRequest", 1, 48)], []),
    "an identity": (
        [("BjnpAnswer", 1, 48, 0, 0, "Canon", "MG5300 series", True)],
        [
            ("bjnp.device", "printer"),
            ("bjnp.vendor", "Canon"),
            ("bjnp.model", "MG5300 series"),
            ("bjnp.version", "2.000"),
        ],
    ),
    "a job": ([("BjnpRequest", 1, 16)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Bjnp().dissect(packets("bjnp")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("bjnp")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"XJNP" + bytes(12)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Bjnp().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"BJNP", b"BJNP\x81\1" + bytes(9) + b"\5"])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Bjnp().dissect(Packet(payload)))
    assert list(Bjnp().dissect(Packet(payload, problem=1))) == []


def test_sizes_of_addresses() -> None:
    """An answer whose addresses are not six and four bytes long reports no address."""
    payload = bytearray(packets("bjnp")[2].payload)
    payload[20] = 8
    assert events(Bjnp().dissect(Packet(bytes(payload), src=1, src_mac=2))) == [
        ("BjnpAnswer", 1, 1, 0, 0, "", "", True)
    ]
