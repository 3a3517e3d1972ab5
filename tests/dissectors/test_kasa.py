"""TP-Link smart home protocol and its obfuscation."""

from __future__ import annotations

import pytest

from sensor.core.batch import Problem
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.kasa import Kasa, shown
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("KasaRequest", ("system.get_sysinfo", "emeter.get_realtime"))], []),
    "a plug": (
        [("KasaAnswer", ("system.get_sysinfo",), "HS110(EU)", "1.5.4 Build 180815 Rel.121440", 0x50C7BF5E5320, True)],
        [
            ("kasa.kind", "IOT.SMARTPLUGSWITCH"),
            ("kasa.model", "HS110(EU)"),
            ("kasa.firmware", "1.5.4 Build 180815 Rel.121440"),
            ("kasa.instance", "Coffee machine"),
        ],
    ),
    "a lamp": (
        [("KasaAnswer", ("system.get_sysinfo",), "LB130(EU)", "1.8.11 Build 191113 Rel.105336", 0x50C7BF5E5321, True)],
        [
            ("kasa.kind", "IOT.SMARTBULB"),
            ("kasa.model", "LB130(EU)"),
            ("kasa.firmware", "1.8.11 Build 191113 Rel.105336"),
            ("kasa.instance", "Desk lamp"),
        ],
    ),
    "somebody else's lamp": (
        [("KasaAnswer", ("system.get_sysinfo",), "LB130(EU)", "1.8.11 Build 191113 Rel.105336", 0x50C7BF5E5321, False)],
        [],
    ),
    "an order": ([("KasaRequest", ("system.set_relay_state",))], []),
    "its result": ([("KasaAnswer", ("system.set_relay_state",), "", "", 0, False)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Kasa().dissect(packets("kasa")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("kasa")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"\x12\x34\x56\x78SYNO", b"hello", b'{"system":{}}'])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Kasa().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\xd0\xf2\x81\xf8\x88"])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Kasa().dissect(Packet(payload)))
    assert list(Kasa().dissect(Packet(payload, problem=1))) == []


def test_truncated_answers() -> None:
    """Complete members are read. An answer without a MAC may be about another device."""
    plug = packets("kasa")[1]
    info = b'{"system":{"get_sysinfo":{"model":"HS110(EU)","mac":"50:C7:BF:5E:53:20","alias":"Coff'
    assert _truncated(info, plug)[1] == [("kasa.model", "HS110(EU)")]
    found, about_sender = _truncated(info[: info.index(b'"mac"')], plug)
    assert (found, about_sender) == ([("KasaAnswer", ("system.get_sysinfo",), "HS110(EU)", "", 0, False)], [])
    assert _truncated(b'{"system":{"get_sysinfo":{"mod', plug) == ([("KasaRequest", ("system.get_sysinfo",))], [])


def _truncated(plain: bytes, like: Packet) -> tuple[list[object], list[tuple[str, str]]]:
    """The events and observations of a truncated answer."""
    covered, key = bytearray(), 171
    for byte in plain:
        key ^= byte
        covered.append(key)
    packet = Packet(bytes(covered), src=like.src, src_mac=like.src_mac, sport=9999, problem=Problem.CUT)
    parsed = list(Kasa().dissect(packet))
    return events(parsed), values(parsed)


def test_cover() -> None:
    """Each byte is XORed with the obfuscated byte before it, the first one with 171."""
    assert (
        shown(bytes.fromhex("d0f281f88bff9af7d5ef94b6d1b4c09fec95e68fe187e8caf08bf68bf6"))
        == b'{"system":{"get_sysinfo":{}}}'
    )
