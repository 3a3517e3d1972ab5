"""ESPHome: devices, and logins to them."""

from __future__ import annotations

import pytest

from pcaps.dissectors.esphome import DESCRIPTION, HELLO, frame
from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.esphome import MESSAGES_LIMIT, Esphome
from sensor.dissectors.shared.seal import seal
from tests.dissectors.samples import events, packets, values

DEVICE = ("EsphomeDevice", "heater", "02:00:5E:00:53:06", "2024.6.4", "esp32dev", "athom.smart-plug-v2", "2.0.1")
DEVICE += ("Espressif",)
OBSERVED = [
    ("esphome.hostname", "heater"),
    ("esphome.friendly_name", "Heater"),
    ("esphome.version", "2024.6.4"),
    ("esphome.board", "esp32dev"),
    ("esphome.project", "athom.smart-plug-v2"),
    ("esphome.firmware", "2.0.1"),
]


def parsed(*parts: tuple[bool, bytes]) -> list[Parsed]:
    stream, packet = Esphome().stream(Packet()), Packet(proto=6)
    return [one for from_client, data in parts for one in stream.feed(packet, data, from_client)]


@pytest.mark.parametrize(
    ("port", "expected", "observed"),
    [
        (49570, [("EsphomeLogin", "", "clear", True, seal("", b"secret1")), DEVICE], OBSERVED),
        (49571, [("EsphomeLogin", "", "none", True, "")], []),
        (49572, [("EsphomeLogin", "", "clear", False, seal("", b"admin"))], []),
        (
            49573,
            [("EsphomeDevice", "heater", "02005e005306", "", "", "", "", "")],
            [("esphome.hostname", "heater")],
        ),
    ],
)
def test_sample(port: int, expected: list[object], observed: list[object]) -> None:
    """A device describes itself after a login; encrypted, it only names itself."""
    stream = Esphome().stream(Packet())
    found = [
        each
        for one in packets("esphome")
        if port in (one.sport, one.dport)
        for each in stream.feed(one, one.payload, one.sport == port)
    ]
    assert (events(found), values(found)) == (expected, observed)


def test_nothing_is_read_after_the_description() -> None:
    """States of sensors follow."""
    assert len(events(parsed((True, HELLO), (False, DESCRIPTION), (False, DESCRIPTION)))) == 1


def test_a_result_without_a_login() -> None:
    """The login was in a part that was not captured."""
    assert parsed((True, HELLO), (False, frame(4))) == []


def test_an_endless_conversation_ends() -> None:
    """Devices send states for months."""
    stream, packet = Esphome().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, frame(7) * MESSAGES_LIMIT, True))
    assert stream.done


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n", b"\0\xff\xff\xff\xff\xff\xff\xff", b"\0\xff\xff\x7f\1", b"\0\2\x0a\x22\x09"]
)
def test_malformed(data: bytes) -> None:
    """Other protocols, long frames, and texts past the end of a frame are malformed."""
    with pytest.raises(Malformed):
        parsed((True, HELLO), (False, data))


@pytest.mark.parametrize("greeting", [b"", b"\2heater\0x\0", b"\1heater"])
def test_other_greetings_name_nothing(greeting: bytes) -> None:
    """Old versions have no name in the greeting."""
    assert parsed((True, b"\1\0\0"), (False, b"\1\0" + bytes((len(greeting),)) + greeting)) == []
