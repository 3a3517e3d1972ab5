"""AFP: descriptions of file servers, and logins."""

from __future__ import annotations

import struct

import pytest

from pcaps.dissectors.afp import VERSIONS, dsi, login, status, text
from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.afp import Afp
from sensor.dissectors.shared.seal import seal
from tests.dissectors.samples import events, packets, values


def parsed(*parts: tuple[bool, bytes]) -> list[Parsed]:
    stream, packet = Afp().stream(Packet()), Packet(proto=6)
    return [one for from_client, data in parts for one in stream.feed(packet, data, from_client)]


@pytest.mark.parametrize(
    ("port", "expected", "observed"),
    [
        (
            49550,
            [("AfpServer", "vm", "Netatalk4.2.3", VERSIONS, ("No User Authent", "DHX2"))],
            [("afp.machine", "Netatalk4.2.3"), ("afp.device_name", "vm")],
        ),
        (
            49551,
            [("AfpServer", "Anna", "MacBookPro14,2", VERSIONS, ("DHX2",))],
            [("afp.machine", "MacBookPro14,2"), ("afp.device_name", "Anna")],
        ),
        (49552, [("AfpLogin", "anna", "DHX2", True, "")], []),
        (49553, [("AfpLogin", "", "none", True, "")], []),
        (49554, [("AfpLogin", "admin", "clear", False, seal("admin", b"letmein"))], []),
    ],
)
def test_sample(port: int, expected: list[object], observed: list[object]) -> None:
    """The description of a server, and the result of a login after all its rounds."""
    stream = Afp().stream(Packet())
    found = [
        each
        for one in packets("afp")
        if port in (one.sport, one.dport)
        for each in stream.feed(one, one.payload, one.sport == port)
    ]
    assert (events(found), values(found)) == (expected, observed)


def test_the_whole_status_of_netatalk() -> None:
    """A status as a server sent it, with an icon and further offsets."""
    status_of_netatalk = bytes.fromhex(
        "00160024004f00658f7902766d0001650175017c017d0d4e65746174616c6b342e322e330606414650322e320641465058303306414650"
        "332e3106414650332e3206414650332e3306414650332e34020f4e6f20557365722041757468656e740444485832"
    ) + bytes(284)
    found = events(parsed(dsi(0, 3, 1), dsi(1, 3, 1, status_of_netatalk)))
    assert found == [("AfpServer", "vm", "Netatalk4.2.3", VERSIONS, ("No User Authent", "DHX2"))]


def test_the_longer_form_of_a_login() -> None:
    """FPLoginExt has its user as UTF-8 with a length of two bytes."""
    extended = bytes((63, 0, 0, 0)) + text("AFP3.4") + text("DHX2") + b"\3" + struct.pack("!H", 5) + "änna".encode()
    assert events(parsed(dsi(0, 2, 1, extended), dsi(1, 2, 1, b"", -5023))) == [("AfpLogin", "änna", "DHX2", False, "")]


def test_other_errors_are_no_result() -> None:
    """A method that the server does not have is not a refused password; the next login is."""
    first = (dsi(0, 2, 1, login("DHX2", text("anna"))), dsi(1, 2, 1, b"", -5002))
    second = (dsi(0, 2, 2, login("DHX2", text("anna"))), dsi(1, 2, 2, b"", -5023))
    assert len(events(parsed(*first, *second))) == 1


def test_nothing_is_read_after_the_first_command() -> None:
    """The login was before, in a part that was not captured."""
    stream = Afp().stream(Packet())
    assert events(stream.feed(Packet(proto=6), dsi(0, 2, 1, b"\x0f\0")[1], True)) == []
    assert stream.done


@pytest.mark.parametrize(
    ("data", "from_client"),
    [
        (b"GET / HTTP/1.1\r\n", True),
        (dsi(0, 2, 1, login("DHX2"))[1], True),
        (dsi(1, 3, 1, status("a", "b", ())[:20])[1], False),
    ],
)
def test_malformed(data: bytes, from_client: bool) -> None:
    """Other protocols and texts past the end are malformed."""
    with pytest.raises(Malformed):
        parsed(dsi(0, 3, 0), (from_client, data))
