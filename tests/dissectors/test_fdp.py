"""FDP: Foundry's variant of CDP."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.fdp import Fdp
from tests.dissectors.samples import packets, values

HEAD = bytes.fromhex("00e0522000 01b40000")


def dissect(payload: bytes) -> list[object]:
    return list(Fdp().dissect(Packet(payload, src_mac=0x020000000001, ethertype=0x2000, ip_version=0, proto=0)))


def test_a_switch() -> None:
    """A switch reports name, port, platform, software, capabilities as text, and address."""
    parsed = list(Fdp().dissect(packets("fdp")[0]))
    event = parsed[0]
    assert (event.name, event.port, event.platform, event.capabilities) == (
        "edge-7",
        "ethernet1/1/12",
        "Stackable_FES2402",
        ("switch",),
    )
    assert (event.addresses, event.life_s) == ((parse("10.20.0.7"),), 180)
    assert ("fdp.hostname", "edge-7") in values(parsed)


def test_several_capabilities() -> None:
    """Capabilities are read in any order and case."""
    assert next(iter(Fdp().dissect(packets("fdp")[1]))).capabilities == ("router", "switch")


@pytest.mark.parametrize(
    "payload", [b"", HEAD[:8], bytes.fromhex("00000c2000 01b40000 00010006 5231"), HEAD[:5] + b"\x02\xb4\0\0"]
)
def test_others_are_left_alone(payload: bytes) -> None:
    """CDP and other versions yield nothing."""
    assert dissect(payload) == []


def test_malformed() -> None:
    """A field longer than the message and a message without fields are malformed."""
    for payload in (HEAD, HEAD + bytes.fromhex("000100ff 5231")):
        with pytest.raises(Malformed):
            dissect(payload)
