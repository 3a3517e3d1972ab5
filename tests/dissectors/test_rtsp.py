"""RTSP: players, cameras, challenges and descriptions, with media between messages."""

from __future__ import annotations

import pytest

from pcaps.dissectors.rtsp import SDP, rtsp_message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.rtsp import Rtsp
from sensor.dissectors.shared.seal import password_seal, seal
from tests.dissectors.samples import events, facts, packets, values

OK = rtsp_message("RTSP/1.0 200 OK", "CSeq: 1", "Server: GStreamer RTSP server")
ASK = rtsp_message("DESCRIBE rtsp://10.0.0.5/axis-media/media.amp RTSP/1.0", "CSeq: 1")


def conversation() -> list[object]:
    stream = Rtsp().stream(Packet())
    return [parsed for packet in packets("rtsp") for parsed in stream.feed(packet, packet.payload, packet.dport == 554)]


def stream_of(*parts: bytes, from_client: bool = False) -> list[object]:
    stream = Rtsp().stream(Packet())
    return [parsed for part in parts for parsed in stream.feed(Packet(proto=6), part, from_client)]


def test_camera_is_watched() -> None:
    """Requests and responses are reported in order; credentials appear as scheme and user name only."""
    uri, agent = "rtsp://10.20.30.61:554/Streaming/Channels/101", "LibVLC/3.0.18 (LIVE555 Streaming Media v2016.11.28)"
    parsed = conversation()
    assert events(parsed) == [
        ("RtspRequest", "OPTIONS", uri, 2, agent, "", "", "", ""),
        ("RtspResponse", 200, "OK", 2, "Rtsp Server/3.0", (), "", False),
        ("RtspRequest", "DESCRIBE", uri, 3, agent, "", "", "", ""),
        ("RtspResponse", 401, "Unauthorized", 3, "", ("digest", "basic"), "IP Camera(12345)", False),
        ("RtspRequest", "DESCRIBE", uri, 4, agent, "digest", "viewer", "", ""),
        ("RtspResponse", 200, "OK", 4, "", (), "", False),
        ("RtspRequest", "PLAY", uri, 5, agent, "", "", "", ""),
        ("RtspResponse", 200, "OK", 5, "", (), "", False),
        ("RtspRequest", "TEARDOWN", uri, 6, agent, "", "", "", ""),
    ]
    assert "secret" not in repr(events(parsed))


def test_credentials_after_two_colons() -> None:
    """Hydra sends a second colon before its credentials."""
    request = rtsp_message("DESCRIBE rtsp://10.0.0.5 RTSP/1.0", "CSeq: 3", "Authorization: : Basic YWRtaW46cXdlcnR5")
    sent = ("RtspRequest", "DESCRIBE", "rtsp://10.0.0.5", 3, "", "basic", "admin")
    assert events(stream_of(request, from_client=True)) == [(*sent, seal("admin", b"qwerty"), password_seal(b"qwerty"))]


def test_whose_facts() -> None:
    """Server, realm and description are observations about the camera, the program about the player."""
    found = set(facts(conversation()))
    player, camera = ("02:00:5e:00:53:04", "10.20.30.66"), ("02:00:5e:00:53:06", "10.20.30.61")
    assert found == {
        (*player, "rtsp.user_agent", "LibVLC/3.0.18 (LIVE555 Streaming Media v2016.11.28)"),
        (*camera, "rtsp.server", "Rtsp Server/3.0"),
        (*camera, "rtsp.realm", "IP Camera(12345)"),
        (*camera, "rtsp.session", "HIK Media Server V4.30.210"),
        (*camera, "rtsp.tool", "LIVE555 Streaming Media v2018.02.18"),
    }


def test_proxy_shares_nothing() -> None:
    """A message with Via was forwarded and does not describe its sender."""
    parsed = stream_of(rtsp_message("RTSP/1.0 200 OK", "CSeq: 1", "Server: cam/1", "Via: 1.0 proxy"))
    assert [event[0] for event in events(parsed)] == ["RtspResponse"]
    assert values(parsed) == []


def test_old_nonces() -> None:
    """A challenge that replaces an old nonce (RFC 7616, 3.3) is recognized."""
    for value, stale in (("true", True), ('"TRUE"', True), ("false", False)):
        challenge = f'WWW-Authenticate: Digest realm="cam", nonce="2", stale={value}'
        [event] = events(stream_of(rtsp_message("RTSP/1.0 401 Unauthorized", "CSeq: 1", challenge)))
        assert event[-1] == stale


def test_media_between_messages() -> None:
    """Interleaved media packets are skipped, whatever they contain."""
    parsed = stream_of(b"$\0\0\x10RTSP/1.0 200 OK\r", OK + b"$\1\0", b"\1x" + OK, from_client=True)
    assert [event[1] for event in events(parsed)] == [200, 200]


def test_gap_in_media() -> None:
    """A gap in media is skipped; a gap in a message discards it, and parsing resumes at a segment that begins with a
    message.
    """
    stream, packet = Rtsp().stream(Packet()), Packet(proto=6)
    assert len(events(list(stream.feed(packet, OK + b"$\0\0\x64", False)))) == 1
    list(stream.gap(packet, 90, False))
    assert len(events(list(stream.feed(packet, b"a" * 10 + OK, False)))) == 1
    list(stream.gap(packet, 90, False))
    assert list(stream.feed(packet, b"rubbish", False)) == []
    assert len(events(list(stream.feed(packet, OK, False)))) == 1


def test_camera_that_has_long_been_watched() -> None:
    """A stream captured from the middle of its media is parsed again at the next response, such as to a keep-alive."""
    parsed = stream_of(b"\x9a\x01middle of a picture", b"$\0\0\4abcd", OK)
    assert values(parsed) == [("rtsp.server", "GStreamer RTSP server")]


def test_description_arrives_later() -> None:
    """A message with a description is reported when the description is complete."""
    message = rtsp_message("RTSP/1.0 200 OK", "CSeq: 4", "Content-Type: application/sdp", body=SDP)
    assert stream_of(message[:-10]) == []
    assert ("rtsp.session", "HIK Media Server V4.30.210") in values(stream_of(message[:-10], message[-10:]))


def test_clock_of_a_description() -> None:
    """The source of the first reference clock, without its identity (RFC 7273, 4)."""
    body = "v=0\r\ns=Mixer\r\na=ts-refclk:ptp=IEEE1588-2008:00-0B-5E-FF-FE-01-02-03:0\r\na=ts-refclk:gps\r\n"
    message = rtsp_message("RTSP/1.0 200 OK", "CSeq: 4", "Content-Type: application/sdp", body=body)
    assert values(stream_of(message)) == [("rtsp.session", "Mixer"), ("rtsp.clock", "ptp")]


@pytest.mark.parametrize(
    "start", [b"\x16\x03\x01\x02\0\1", b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"]
)
def test_other_protocols_are_left_alone(start: bytes) -> None:
    """TLS and tunnels through HTTP yield nothing and are not malformed."""
    assert stream_of(start, OK, from_client=True) == []


@pytest.mark.parametrize(
    "start",
    [
        b"220 ftp ready\r\n",
        b"OPTIONS sip:a SIP/2.0\r\n\r\n",
        b"RTSP/1.0 2000 OK\r\n\r\n",
        b"A" * 5000,
        OK.replace(b"\r\n\r\n", b"\r\nContent-Length: x\r\n\r\n"),
        OK.replace(b"\r\n\r\n", b"\r\nContent-Length: 65537\r\n\r\n"),
        ASK.replace(b"\r\n\r\n", b"\r\n" + b"X: 1\r\n" * 65 + b"\r\n"),
        ASK[:-2] + b"X: 1\r\n" * 4000,
    ],
)
def test_malformed(start: bytes) -> None:
    """Other protocols, invalid lengths and endless heads are malformed."""
    with pytest.raises(Malformed):
        stream_of(*[start[at : at + 500] for at in range(0, len(start), 500)], from_client=True)
