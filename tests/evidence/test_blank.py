"""Passwords in frames: those of each protocol are masked, all other bytes are unchanged."""

from __future__ import annotations

import base64
import struct

import pytest

from pcaps.dissectors.amqp import start_ok, table
from pcaps.dissectors.mongodb import PLAIN, bson, wire
from pcaps.dissectors.opcua import login
from sensor.evidence.blank import Blanker
from sensor.evidence.ring import Frame
from tests.kit import ethernet, tcp_frame, udp_frame

SECRET = b"hunter22"
CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
BASIC = base64.b64encode(b"admin:" + SECRET)
LOGIN = base64.b64encode(SECRET)


def frame(data: bytes) -> Frame:
    return Frame(1, 1, len(data), data)


def sent(payload: bytes, port: int, *, answer: bool = False, vlan: int = 0) -> bytes:
    """A segment to a port, or from it."""
    if answer:
        return tcp_frame(SERVER, CLIENT, payload, sport=port, dport=40000, vlan=vlan)
    return tcp_frame(CLIENT, SERVER, payload, dport=port, vlan=vlan)


def blanked(*frames: bytes) -> list[bytes]:
    return [data for data, _ in Blanker().blank([frame(one) for one in frames])]


def mqtt() -> bytes:
    return connect(b"\x04\xc2\0\x3c", b"\0\x02c1")


def mqtt5() -> bytes:
    """With properties (session expiry; will delay), and a will."""
    will = b"\x05\x18\0\0\0\x3c" + b"\0\x04gone" + b"\0\x02no"
    return connect(b"\x05\xc6\0\x3c", b"\x05\x11\0\0\0\x0a" + b"\0\x02c1" + will)


def connect(head: bytes, before: bytes) -> bytes:
    """``head``: version, flags and keep-alive; ``before``: fields before the name."""
    body = b"\0\x04MQTT" + head + before + b"\0\x05admin" + struct.pack("!H", len(SECRET)) + SECRET
    return bytes((0x10, len(body))) + body


def ldap() -> bytes:
    bind = b"\x02\x01\x03\x04\x08cn=admin\x80" + bytes((len(SECRET),)) + SECRET
    inner = b"\x02\x01\x01\x60" + bytes((len(bind),)) + bind
    return b"\x30" + bytes((len(inner),)) + inner


def tds() -> bytes:
    word = "".join(map(chr, SECRET)).encode("utf-16-le")
    fixed = bytearray(94)
    struct.pack_into("<HH", fixed, 44, 94, len(SECRET))
    return struct.pack("!BBHHBB", 0x10, 1, 8 + 94 + len(word), 0, 0, 0) + bytes(fixed) + word


SECRETS = {
    "ftp": (b"PASS " + SECRET + b"\r\n", 21), "ftp on an odd port": (b"PASS " + SECRET + b"\r\n", 2121),
    "pop3": (b"PASS " + SECRET + b"\r\n", 110),
    "imap": (b"a1 LOGIN admin " + SECRET + b"\r\n", 143),
    "imap in quotes": (b'a1 LOGIN "ad min" "' + SECRET + b'"\r\n', 143),
    "smtp auth plain": (b"AUTH PLAIN " + LOGIN + b"\r\n", 25),
    "imap authenticate": (b"a2 AUTHENTICATE PLAIN " + LOGIN + b"\r\n", 143),
    "smtp auth login": (LOGIN + b"\r\n", 587), "http basic": ((
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: "
        b"Basic "
    ) + BASIC + b"\r\n\r\n", 80),
    "rtsp basic": (b"DESCRIBE rtsp://x RTSP/1.0\r\nauthorization: basic " + BASIC + b"\r\n\r\n", 554),
    "bearer": (b"GET / HTTP/1.1\r\nAuthorization: Bearer " + SECRET + b"\r\n\r\n", 8080),

    "form": (b"POST /login HTTP/1.1\r\n\r\nuser=admin&password=" + SECRET + b"&go=1", 80),
    "json": (b'\r\n\r\n{"user": "admin", "passwd": "' + SECRET + b'"}', 80),
    "query": (b"GET /cgi?user=admin&loginpwd=1&pwd=" + SECRET + b" HTTP/1.1\r\n\r\n", 80),
    "onvif": (b'<wsse:Password Type="#PasswordText">' + SECRET + b"</wsse:Password>", 80),
    "redis": (b"*2\r\n$4\r\nAUTH\r\n$8\r\n" + SECRET + b"\r\n", 6379),
    "redis inline": (b"AUTH " + SECRET + b"\r\n", 6379),
    "redis with a user": (b"*3\r\n$4\r\nauth\r\n$5\r\nadmin\r\n$8\r\n" + SECRET + b"\r\n", 6379),
    "telnet": (SECRET + b"\r\n", 23), "ldap": (ldap(), 389), "mqtt": (mqtt(), 1883), "mqtt 5": (mqtt5(), 1883),
    "opc ua": (login(b"admin", SECRET, None), 4840),
    "amqp": (start_ok(b"PLAIN", b"\0admin\0" + SECRET)[1], 5672),
    "amqp with a table": (start_ok(b"AMQPLAIN", table(LOGIN=b"admin", PASSWORD=SECRET))[1], 5672),
    "mongodb": (wire(2013, bytes(5) + bson(PLAIN | {"payload": b"\0admin\0" + SECRET})), 27017),
    "postgres": (b"p" + struct.pack("!I", 4 + 9) + SECRET + b"\0", 5432),
}  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
def test_each_protocol(name: str) -> None:
    """The password is masked, its length and all bytes before it are unchanged; under a VLAN tag too."""
    payload, port = SECRETS[name]
    for vlan in (0, 30):
        whole = sent(payload, port, vlan=vlan)
        [data] = blanked(whole)
        assert len(data) == len(whole)
        assert data[: len(whole) - len(payload)] == whole[: len(whole) - len(payload)]
        for secret in (SECRET, BASIC, LOGIN):
            assert secret not in data
        assert b"xxxxxxxx" in data


@pytest.mark.parametrize(
    "form",
    [
        b'{"user": "a", "password": "SECRET horse, battery"}',
        rb'{"password":"a\"SECRET","x":"y"}',
        b"user%5Bpassword%5D=SECRET&commit=x",
        b"user[password]=SECRET",
        b'--x\r\nContent-Disposition: form-data; name="password"\r\n\r\nSECRET horse\r\n--x--',
        b'--x\r\nContent-Disposition: form-data; name="login[passwd]"\r\nContent-Type: a/b\r\n\r\nSECRET horse\r\n--',
    ],
)
def test_passwords_in_forms_are_masked_to_their_end(form: bytes) -> None:
    """With spaces, commas and quotes in them; in names with brackets, and in parts of multipart forms."""
    [data] = blanked(sent(form, 80))
    assert not any(word in data for word in (b"SECRET", b"horse", b"battery"))
    assert b"xxxxxx" in data


def test_tds_passwords() -> None:
    """Obfuscated TDS passwords are masked too."""
    [data] = blanked(sent(tds(), 1433))
    assert data.endswith(b"x" * 16)


@pytest.mark.parametrize("dport", [161, 162, 10161])
def test_snmp_communities(dport: int) -> None:
    """Versions 1 and 2c, in both directions; the bytes after the community are unchanged."""
    message = b"\x30\x14\x02\x01\x01\x04" + bytes((len(SECRET),)) + SECRET + b"\xa0\x03\x02\x01\x05"
    whole = udp_frame(CLIENT, SERVER, message, dport=dport)
    assert blanked(whole) == [whole.replace(SECRET, b"x" * len(SECRET))]


def test_typing_is_blanked_and_negotiation_stays() -> None:
    """Each segment has one byte, as terminals send it; the echo of the server is unchanged."""
    negotiation = b"\xff\xfb\x18\xff\xfa\x18\0xterm\xff\xf0"
    typed = [sent(bytes((byte,)), 23) for byte in SECRET]
    data = blanked(sent(negotiation, 23), *typed, sent(b"Login incorrect\r\n", 23, answer=True))
    assert data[0].endswith(negotiation)
    assert [one[-1:] for one in data[1:-1]] == [b"x"] * len(SECRET)
    assert data[-1].endswith(b"Login incorrect\r\n")


@pytest.mark.parametrize("at", range(1, 40, 3))
def test_a_secret_cut_over_two_segments(at: int) -> None:
    """The boundary may be anywhere, and the segments in one call or in two."""
    line = b"Authorization: Basic " + BASIC + b"\r\n\r\n"
    first, second = sent(line[:at], 80), sent(line[at:], 80)
    blanker = Blanker()
    together = blanked(first, second)
    assert together == [blanker.blank([frame(one)])[0][0] for one in (first, second)]
    reported = together[0][54:] + together[1][54:]
    assert reported == b"Authorization: Basic " + b"x" * len(BASIC) + b"\r\n\r\n"


def test_what_is_no_secret_stays() -> None:
    """Digests, ordinary pages, mail, host names and a requested password file are unchanged."""
    frames = [
        sent(b'REGISTER sip:x SIP/2.0\r\nAuthorization: Digest username="100", response="0a1b"\r\n\r\n', 5060),
        sent(b"GET /cgi-bin/;cat%20/etc/passwd HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\n\r\n", 80),
        sent(b"220 mail.example ESMTP\r\n", 25, answer=True),
        sent(b"331 Password required for admin\r\n", 21, answer=True),
        sent(b"USER admin\r\n", 21),
        udp_frame(CLIENT, SERVER, b"\x30\x03\x02\x01\x03", dport=161),
        ethernet(b"\0" * 46, 0x0806),
        sent(b"", 23),
    ]
    assert Blanker().blank([frame(one) for one in frames]) == [(one, False) for one in frames]


def test_cut_and_broken_frames_are_safe() -> None:
    """Every frame truncated at every length, and an empty one."""
    for payload, port in SECRETS.values():
        whole = sent(payload, port)
        frames = [Frame(1, 1, len(whole), whole[:size]) for size in range(0, len(whole), 3)]
        assert [len(data) for data, _ in Blanker().blank(frames)] == [len(one.data) for one in frames]
    assert Blanker().blank([]) == []
