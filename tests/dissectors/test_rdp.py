"""Remote Desktop: requested users, negotiated security, and client names."""

from __future__ import annotations

import pytest

from pcaps.dissectors.rdp import request, response, settings, tpkt
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.rdp import Rdp
from tests.dissectors.samples import events, facts, packets


def session(port: int) -> list[object]:
    """The events and observations of one connection of the capture."""
    stream = Rdp().stream(Packet())
    return [
        parsed
        for one in packets("rdp")
        if port in (one.sport, one.dport)
        for parsed in stream.feed(one, one.payload, one.sport == port)
    ]


def conversation(*parts: tuple[bool, bytes]) -> list[object]:
    stream, packet = Rdp().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


def test_secured_session() -> None:
    """The cookie contains the user; everything after the negotiation is encrypted."""
    assert events(session(49450)) == [("RdpRequest", "OFFICE\\an", ("tls", "nla"), False), ("RdpNegotiated", "nla", 0)]


def test_old_way() -> None:
    """Without TLS the client reports its name and settings."""
    parsed = session(49451)
    assert events(parsed) == [
        ("RdpRequest", "root", (), False),
        ("RdpNegotiated", "rdp", 0),
        ("RdpClient", "DESK-04", 19041, 1280, 800),
    ]
    assert facts(parsed) == [("02:00:5e:00:53:04", "10.20.30.66", "rdp.hostname", "DESK-04")]


def test_channels_without_tls() -> None:
    """The channels of a client are reported, whatever its name is, and those in the block if it declares more."""
    begin = [(True, request(protocols=0)), (False, response(2, 0))]
    parsed = events(conversation(*begin, (True, settings("DESK-04", b"rdpdr", b"MS_T120"))))
    assert parsed[2:] == [("RdpClient", "DESK-04", 19041, 1280, 800), ("RdpChannels", ("rdpdr", "MS_T120"))]
    odd = settings("DESK-04", b"rdpdr").replace(b"\x03\xc0\x14\0\1", b"\x03\xc0\x14\0\2")
    assert events(conversation(*begin, (True, odd)))[3:] == [("RdpChannels", ("rdpdr",))]
    named = settings(b"\x03\xc0".decode("utf-16-le"), b"MS_T120")
    assert events(conversation(*begin, (True, named)))[3:] == [("RdpChannels", ("MS_T120",))]


def test_refusal() -> None:
    """A server that requires network level authentication rejects the connection."""
    assert events(session(49452)) == [("RdpRequest", "", (), False), ("RdpNegotiated", "", 5)]


def test_restricted_administration() -> None:
    """The flag of a request shows that the server gets no password; another flag does not."""
    for flags, restricted in ((1, True), (2, False), (9, True)):
        asks = request(protocols=3)
        assert asks[-8:-6] == b"\1\0"
        [event] = events(conversation((True, asks[:-7] + bytes((flags,)) + asks[-6:])))
        assert event == ("RdpRequest", "", ("tls", "nla"), restricted)


def test_other_protocols_in_the_same_envelope() -> None:
    """TPKT without cookie and negotiation, text, and unrequested answers or data yield nothing."""
    assert session(49453) == []
    for parts in ([(True, b"GET / HTTP/1.1\r\n")], [(False, response(2, 2))], [(True, settings("X"))]):
        assert conversation(*parts) == []


def test_unknown_answers_are_malformed() -> None:
    """An unknown type of negotiation response is malformed."""
    with pytest.raises(Malformed):
        conversation((True, request(protocols=1)), (False, response(9)))


def test_short_settings_name_no_device() -> None:
    """Truncated client settings, and data without a conference request, yield nothing."""
    for data in (tpkt(b"\x02\xf0\x80Duca\x01\xc0"), tpkt(b"\x02\xf0\x80\x7f\x65\x01\x01")):
        assert events(conversation((True, request(protocols=0)), (False, response(2, 0)), (True, data)))[2:] == []


def test_gaps_end_the_reading() -> None:
    """A gap ends parsing: only the beginning of a connection is needed."""
    stream = Rdp().stream(Packet())
    assert list(stream.gap(Packet(), 3, True)) == []
    assert stream.done
