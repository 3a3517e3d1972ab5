"""VNC: versions, security types, login results, and desktop names."""

from __future__ import annotations

import pytest

from pcaps.dissectors.vnc import VERSION_3_3, VERSION_3_8
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.vnc import Vnc
from tests.dissectors.samples import events, facts, packets


def session(port: int) -> list[object]:
    """The events and observations of one connection of the capture."""
    stream = Vnc().stream(Packet())
    return [
        parsed
        for one in packets("vnc")
        if port in (one.sport, one.dport)
        for parsed in stream.feed(one, one.payload, one.sport == port)
    ]


def conversation(*parts: tuple[bool, bytes]) -> list[object]:
    stream, packet = Vnc().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


def test_desktop_without_a_password() -> None:
    """A server without a password is reported with its desktop name."""
    parsed = session(49400)
    assert events(parsed) == [
        ("VncBanner", "3.8"),
        ("VncSecurity", "none", ("none", "vnc")),
        ("VncLogin", "", "none", True, ""),
        ("VncDesktop", "panel's desktop :0", 1280, 800),
    ]
    assert facts(parsed) == [("02:00:5e:00:53:06", "10.20.30.44", "vnc.desktop", "panel's desktop :0")]


def test_passwords() -> None:
    """A failed login, and an accepted one in version 3.3, where the server chooses the security type, are reported."""
    assert events(session(49401)) == [
        ("VncBanner", "3.8"),
        ("VncSecurity", "vnc", ("vnc",)),
        ("VncLogin", "", "vnc", False, ""),
    ]
    assert events(session(49402))[1:3] == [("VncSecurity", "vnc", ("vnc",)), ("VncLogin", "", "vnc", True, "")]


def test_a_server_that_closes_in_place_of_a_result() -> None:
    """A connection that ends after the response to a challenge was refused (TigerVNC with version 3.7); one that ends
    before it, or after the result, has no further login.
    """
    begun = [(False, VERSION_3_8), (True, b"RFB 003.007\n"), (False, b"\1\2"), (True, b"\2"), (False, bytes(16))]
    for parts, logins in (
        (begun, []),
        ([*begun, (True, bytes(16))], [("VncLogin", "", "vnc", False, "")]),
        ([*begun, (True, bytes(16)), (False, b"\0\0\0\1")], []),
        ([*begun, (True, bytes(16)), (False, bytes(4))], []),
    ):
        stream, packet = Vnc().stream(Packet()), Packet(proto=6)
        for from_client, data in parts:
            list(stream.feed(packet, data, from_client))
        assert events(list(stream.finish())) == logins


def test_what_goes_on_encrypted() -> None:
    """The security type is reported, and nothing is parsed after encryption starts."""
    assert events(session(49403)) == [("VncBanner", "3.8"), ("VncSecurity", "vencrypt", ("vencrypt", "vnc"))]


def test_old_servers_report_nothing_to_who_needs_no_password() -> None:
    """In versions 3.3 and 3.7 a login without a password is accepted without a result message."""
    assert events(conversation((False, VERSION_3_8), (True, VERSION_3_3), (False, b"\0\0\0\1")))[-1] == (
        "VncLogin",
        "",
        "none",
        True,
        "",
    )
    seven = b"RFB 003.007\n"
    assert events(conversation((False, VERSION_3_8), (True, seven), (False, b"\1\1"), (True, b"\1")))[-1] == (
        "VncLogin",
        "",
        "none",
        True,
        "",
    )


@pytest.mark.parametrize("offer", [(VERSION_3_8, b"\0"), (VERSION_3_3, bytes(4))])
def test_refusals(offer: tuple[bytes, bytes]) -> None:
    """A server that rejects the connection reports no login."""
    assert events(conversation((False, VERSION_3_8), (True, offer[0]), (False, offer[1]))) == [("VncBanner", "3.8")]


def test_other_protocols_and_middles() -> None:
    """Other protocols and partial connections yield nothing; a client without a version is malformed."""
    for parts in (
        [(False, b"SSH-2.0-OpenSSH_9.2\r\n")],
        [(True, b"GET / HTTP/1.1\r\n")],
        [(True, b"\x03\0\0\x0a"), (False, VERSION_3_8)],
    ):
        assert conversation(*parts) == []
    with pytest.raises(Malformed):
        conversation((False, VERSION_3_8), (True, b"GET / HTTP/1.1\r\n"))


def test_gaps_end_the_reading() -> None:
    """A gap ends parsing: the missing bytes may contain the security type."""
    stream, packet = Vnc().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, VERSION_3_8, False))
    assert list(stream.gap(packet, 3, True)) == []
    assert stream.done
