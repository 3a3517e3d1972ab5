"""TLS: hellos and certificates of both sides, published fingerprints, segmented and retried handshakes, and other
protocols.
"""

from __future__ import annotations

import pytest

from pcaps.dissectors._tls import (
    CIPHERS,
    alpn,
    browser_extensions,
    certificate,
    certificates,
    client_hello,
    der,
    dtls,
    extension,
    handshake,
    name,
    record,
    server_hello,
    server_name,
    versions,
)
from sensor.boundary import Boundary
from sensor.core.addresses import parse
from sensor.core.batch import Problem
from sensor.core.packet import Packet, Packets
from sensor.core.reader import Malformed
from sensor.core.recent import RecentSet
from sensor.decode.flows import FlowTable
from sensor.decode.select import Selector
from sensor.dissectors.shared import client_hello as hellos
from sensor.dissectors.shared import der as reader
from sensor.dissectors.shared import x509
from sensor.dissectors.tls import Tls
from sensor.engine.dissection import Dissection
from tests.dissectors.samples import events, facts, packets, values
from tests.kit import batch_of, tcp_frame

MINE = {"src": parse("10.0.0.5"), "src_mac": 0x020000000005, "dst": parse("10.0.0.1"), "proto": 6}
# Published with JA3: (version, ciphers, extension types, groups, point formats) and the fingerprint.
JA3 = [
    (
        (769, (47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4), (0, 10, 11), (23, 24, 25), (0,)),
        "ada70206e40642a3e4461f35503241d5",
    ),
    ((769, (4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99), (), (), ()), "de350869b8c85de67a350c8d186f11e6"),
]
# Published with JA4, of a browser.
JA4 = "t13d1516h2_8daaf6152771_e5627efa2ab1"


def feed(*parts: tuple[bool, bytes], sport: int = 443) -> list[object]:
    stream = Tls().stream(Packet())
    return [one for from_client, data in parts for one in stream.feed(Packet(sport=sport, **MINE), data, from_client)]


def conversation(port: int) -> list[object]:
    """The events and observations of the connection with this client port in the sample."""
    stream, parsed = Tls().stream(Packet()), []
    for packet in packets("tls"):
        if port in (packet.sport, packet.dport):
            parsed += stream.feed(packet, packet.payload, packet.sport == port)
    return parsed


def versions_of_server(version: int) -> bytes:
    return extension(43, version.to_bytes(2, "big"))


def hello(ciphers: tuple[int, ...] = (0x1301,), *extensions: bytes, version: int = 0x0303) -> bytes:
    return record(handshake(1, client_hello(ciphers, list(extensions), version)))


@pytest.mark.parametrize(("text", "expected"), JA3)
def test_published_ja3(
    text: tuple[int, tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]], expected: str
) -> None:
    """JA3 is equal to the published examples."""
    assert hellos._ja3(*text) == expected


def test_published_ja4() -> None:
    """JA4 is equal to the published example, with GREASE values in the hello."""
    (parsed,) = events(
        feed((True, record(handshake(1, client_hello(CIPHERS, browser_extensions("www.example.com", "h2"))))))
    )
    assert parsed[5] == JA4


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ([], "t12i010000_0f2cb44170f4_000000000000"),
        ([server_name("a.example")], "t12d010100_0f2cb44170f4_000000000000"),
        ([versions(0x0A0A, 0x0304), alpn("http/1.1")], "t13i0102h1_0f2cb44170f4_"),
        ([versions(0x0302, 0x0301), alpn("x")], "t11i0102xx_0f2cb44170f4_"),
        ([extension(16, b"\0\4\3\xab\xcd\xef")], "t12i0101af_0f2cb44170f4_"),
    ],
)
def test_first_part_of_ja4(extensions: list[bytes], expected: str) -> None:
    """JA4_a contains version, SNI flag, counts, and first and last character of the first ALPN value, as hex if not
    alphanumeric.
    """
    assert events(feed((True, hello((0x1301,), *extensions))))[0][5].startswith(expected)


def test_both_sides_show_certificates() -> None:
    """A client certificate describes the phone that sends it, not the server."""
    parsed = conversation(50104)
    assert [(one[0], *one[1:4]) for one in events(parsed)] == [
        ("TlsClientHello", "pbx.example", ("sip",), "TLS 1.2"),
        ("TlsServerHello", "TLS 1.2", 0xC02F, "sip"),
        ("TlsCertificate", False, "CN=pbx.example, O=Example", "CN=Example CA, O=Example"),
        (
            "TlsCertificate",
            True,
            "CN=CP-8841-SEP0015655E5302, OU=EVVBU, O=Cisco Systems Inc.",
            "CN=Cisco Manufacturing CA SHA2, O=Cisco Systems",
        ),
    ]
    assert ("02:00:5e:00:53:02", "10.20.30.12", "tls.certificate_cn", "CP-8841-SEP0015655E5302") in facts(parsed)
    assert ("02:00:5e:00:53:05", "10.20.30.5", "tls.certificate_cn", "pbx.example") in facts(parsed)
    assert ("02:00:5e:00:53:02", "10.20.30.12", "tls.sni", "pbx.example") in facts(parsed)


def test_certificate_of_a_printer() -> None:
    """Every field of a self-signed certificate in two segments, and the client's weak ciphers, are reported."""
    parsed = conversation(50103)
    client, chosen, shown = events(parsed)
    assert client[3:] == (
        "TLS 1.2",
        "ed796de538cf8c88f995d593dae0776a",
        "t12i050100_0d2501948096_032c60bb0d32",
        ("rc4", "3des"),
        False,
    )
    assert chosen == ("TlsServerHello", "TLS 1.2", 0x0035, "", "7b6819ed58e8d8415604b7dfcef92d55", (), False)
    subject = "CN=KM1A2B3C, OU=Printer, O=KYOCERA Document Solutions Inc."
    assert shown[1:8] == (
        False,
        subject,
        subject,
        "KM1A2B3C",
        "KYOCERA Document Solutions Inc.",
        "Printer",
        ("KM1A2B3C.local", "10.20.30.41"),
    )
    assert shown[8:13] == (1577836800, 2524607999, True, "rsa", 2048)
    assert [len(one) for one in shown[13:]] == [40, 64]
    assert dict(values(parsed))["tls.certificate_organisation"] == "KYOCERA Document Solutions Inc."


def test_browser() -> None:
    """A ClientHello in two segments is reported; a TLS 1.3 server encrypts its certificate."""
    parsed = conversation(50101)
    ja3 = "cd08e31494f9531f560d64c695473da9"
    assert events(parsed) == [
        ("TlsClientHello", "www.example.com", ("h2", "http/1.1"), "TLS 1.3", ja3, JA4, (), False),
        ("TlsServerHello", "TLS 1.3", 0x1301, "", "eb1d94daa7e0344597e756a1fb6e7054", (), False),
    ]
    assert values(parsed) == [("tls.sni", "www.example.com"), ("tls.ja3", ja3), ("tls.ja4", JA4)]


@pytest.mark.parametrize(
    ("offered", "chosen", "extensions", "resumed"),
    [
        (b"s" * 32, b"s" * 32, [], True),
        (b"s" * 32, b"t" * 32, [], False),
        (b"", b"", [], False),
        (b"", b"t" * 32, [], False),
        (b"s" * 32, b"s" * 32, [versions_of_server(0x0304)], False),
        (b"s" * 32, b"s" * 32, [versions_of_server(0x0304), extension(41, b"\0\0")], True),
        (b"s" * 32, b"", [extension(41, b"\0\0")], False),
        (b"s" * 33, b"s" * 33, [], False),
    ],
    ids=[
        "the server repeats the id of the client", "another id", "no id", "a new id", "TLS 1.3 always repeats it",
        "TLS 1.3 with a pre-shared key", "the extension of TLS 1.3 in TLS 1.2", "an id that is too long",
    ],
)  # fmt: skip
def test_a_resumed_session(offered: bytes, chosen: bytes, extensions: list[bytes], resumed: bool) -> None:
    greeting = record(handshake(1, client_hello((0x1301, 0xC02F), [versions(0x0304)], session=offered)))
    answer = record(handshake(2, server_hello(0xC02F, extensions, session=chosen)))
    assert events(feed((True, greeting), (False, answer)))[-1][-1] is resumed


def test_retry_reports_nothing_twice() -> None:
    """After a HelloRetryRequest, the client's first hello and the server's second one are reported."""
    assert [one[0] for one in events(conversation(50102))] == ["TlsClientHello", "TlsServerHello"]


def test_remote_desktop_names_the_machine() -> None:
    """Windows names its certificate for Remote Desktop after the host; on other ports, or signed by a CA, it names no
    host.
    """
    assert ("02:00:5e:00:53:04", "10.20.30.14", "tls.hostname", "DESK-07.example") in facts(conversation(50105))
    shown = record(
        handshake(2, server_hello(0x0035, [])) + handshake(11, certificates(certificate(name(CN="DESK-07"))))
    )
    assert "tls.hostname" not in dict(values(feed((False, shown))))
    signed = record(
        handshake(2, server_hello(0x0035, []))
        + handshake(11, certificates(certificate(name(CN="DESK-07"), name(CN="CA"))))
    )
    assert "tls.hostname" not in dict(values(feed((False, signed), sport=3389)))


def test_hello_in_the_shape_of_ssl_2() -> None:
    """A hello in SSL 2 format is reported with the newest version it offers and without a fingerprint."""
    assert events(conversation(50106)) == [("TlsClientHello", "", (), "SSL 3.0", "", "", ("rc4", "3des"), False)]


def test_ssl_3() -> None:
    """An SSL 3.0 hello is reported with its fingerprints."""
    assert events(feed((True, hello((0x0004,), version=0x0300))))[0][3:] == (
        "SSL 3.0",
        hellos._ja3(0x0300, (4,), (), (), ()),
        "ts3i010000_0591b59c1bdd_000000000000",
        ("rc4",),
        False,
    )


def test_datagrams() -> None:
    """DTLS: the client's hello, and hello and certificate of the server in one datagram, are reported."""
    requested, answered = (list(Tls().dissect(packet)) for packet in packets("tls") if packet.proto == 17)
    assert events(requested)[0][1:6] == (
        "coap.example",
        (),
        "DTLS 1.2",
        "720ffd344f0267baa41a79a8ca68287e",
        "dd2d020200_d45d8db8fc79_79c50902419d",
    )
    assert [one[0] for one in events(answered)] == ["TlsServerHello", "TlsCertificate"]


def test_messages_over_many_records() -> None:
    """A message may be split into records of any size."""
    body = handshake(1, client_hello(CIPHERS, browser_extensions("www.example.com", "h2")))
    parts = b"".join(record(body[at : at + 7]) for at in range(0, len(body), 7))
    assert events(feed((True, parts)))[0][1] == "www.example.com"


def test_certificate_is_read_before_its_chain_is_there() -> None:
    """The first certificate is reported before the rest of the chain arrives."""
    chain = handshake(11, certificates(certificate(name(CN="cam-1")), bytes(9000)))
    flight = record(handshake(2, server_hello(0x0035, [])) + chain)
    assert [one[0] for one in events(feed((False, flight[:1500])))] == ["TlsServerHello", "TlsCertificate"]


def test_a_certificate_in_segments_of_its_own() -> None:
    """A long certificate in segments after the server's hello is selected and reported."""
    shown = record(
        handshake(
            11, certificates(certificate(name(CN="cam-1"), names=tuple(f"camera-{n}.example" for n in range(90))))
        )
    )
    frames, seq = [tcp_frame("10.0.0.5", "10.0.0.1", hello(), dport=443)], 1
    for part in (record(handshake(2, server_hello(0x0035, []))), shown[:1400], shown[1400:]):
        frames.append(tcp_frame("10.0.0.1", "10.0.0.5", part, sport=443, dport=40000, seq=seq))
        seq += len(part)
    batch, flows, parsed = batch_of(frames), FlowTable(4), []
    selector = Selector([Tls.interest], RecentSet(4))
    dissection = Dissection({"tls": Tls()}, Boundary(), flows.unfollow, parsed.extend)
    flows.follow(batch.rows, 0, len(batch))
    for row in selector.select(batch.data, batch.rows, 0, len(batch), flows).tolist():
        dissection.row(Packets(batch.data, batch.rows), row, int(batch.rows["wanted"][row]))
    assert [one[0] for one in events(parsed)] == ["TlsClientHello", "TlsServerHello", "TlsCertificate"]


def test_truncated_hello() -> None:
    """A truncated hello reports its server name if complete; fingerprints need the whole hello."""
    whole = hello((0x1301, 0x0005), server_name("cam.example"), extension(43, bytes(400)))
    end = whole.index(b"cam.example") + len(b"cam.example")
    for size in range(10, end + 300):
        packet, stream = Packet(**MINE, problem=Problem.CUT), Tls().stream(Packet())
        parsed = list(stream.feed(packet, whole[:size], True))
        named = [("TlsClientHello", "cam.example", (), "", "", "", ("rc4",), False)] if size >= end else []
        assert events(parsed) == named
        assert values(parsed) == [("tls.sni", "cam.example")] * (size >= end)


def test_heartbeat_behind_a_gap() -> None:
    """After a gap inside a record handshake messages are not parsed, but following records are detected."""
    packet, stream = Packet(**MINE), Tls().stream(Packet())
    first, beat = record(handshake(2, server_hello(0x0035, []))), b"\x18\3\2\0\3\1\x40\0"
    assert list(stream.feed(packet, first[:20], True)) == list(stream.gap(packet, len(first) - 20, True)) == []
    assert events(stream.feed(packet, first + beat, True)) == [("TlsHeartbeat", True, True, 16384, 3)]


def test_gap_ends_a_direction() -> None:
    """A gap longer than the record ends parsing in its direction; the other direction continues."""
    packet, stream = Packet(**MINE), Tls().stream(Packet())
    first = hello((0x1301,), server_name("a.example"))
    assert (
        list(stream.feed(packet, first[:20], True))
        == list(stream.gap(packet, len(first), True))
        == list(stream.feed(packet, first, True))
        == []
    )
    assert len(events(stream.feed(packet, record(handshake(2, server_hello(0x0035, []))), False))) == 1
    list(stream.gap(packet, 9, False))
    assert stream.done


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n", b"\x17\x03\x03\0\x30" + bytes(48), b"\x14\x03\x03\0\1\1", b"\x16\x04\0\0\1",
        b"\x80\x2e\4\0", b"\xff" * 40, b"SSH-2.0-x",
        b"\x16\x03\x03\0\x28" + b"\xa7" * 40,
    ],
)  # fmt: skip
def test_what_is_not_a_hello(data: bytes) -> None:
    """Other protocols and sessions that are already encrypted yield nothing."""
    assert feed((True, data), (False, data)) == []


@pytest.mark.parametrize(
    "data",
    [
        record(handshake(1, client_hello((1,), []))[:-30] + bytes(30))[:5] + b"\1\xff\xff\xff",
        record(handshake(1, b"\3\3")),
        record(handshake(1, client_hello((1,), [extension(0, b"")])[:-1])),
        record(handshake(1, client_hello((1,), [extension(n, b"") for n in range(200)]))),
        hello() + b"\x63\3\3\0\1\0",
        b"\x16\3\1\xff\xff",
        record(handshake(2, server_hello(1, [])) + b"\x0b\0\0\x10\0\0\x0d\xff\xff\xff"),
        record(handshake(2, server_hello(1, [])) + handshake(11, certificates(b"\x30\x82\1\0"))),
    ],
)
def test_lies(data: bytes) -> None:
    """Excessive lengths, too many extensions, unknown record types and invalid certificates are malformed."""
    with pytest.raises(Malformed):
        feed((True, data))


def test_datagram_lies() -> None:
    """A record longer than its datagram is malformed, unless the capture truncated it; other epochs are encrypted."""
    whole = dtls(1, client_hello((1,), [], 0xFEFD, b"\0"))
    with pytest.raises(Malformed):
        list(Tls().dissect(Packet(whole[:40])))
    assert list(Tls().dissect(Packet(whole[:40], problem=1))) == []
    assert list(Tls().dissect(Packet(whole[:3] + b"\0\1" + whole[5:]))) == []
    assert list(Tls().dissect(Packet(b"\x16\3\1\0\x05" + bytes(60)))) == []


def test_hostile_names_are_cleaned() -> None:
    """Control characters in host names, protocols and certificates are removed."""
    parsed = feed((True, hello((1,), server_name("a\x1b[31m.example"), alpn("h\n2"))))
    assert events(parsed)[0][1:3] == ("a [31m.example", ("h 2",))
    assert x509.read(certificate(name(CN="cam\r\n\u202ex"))).common_name == "cam   x"


def test_keys() -> None:
    """Types and sizes of keys are reported."""
    plain = x509.read(certificate(name(CN="a")))
    assert (plain.key, plain.key_bits) == ("rsa", 2048)
    point = der(6, bytes.fromhex("2a8648ce3d0201")) + der(6, bytes.fromhex("2a8648ce3d030107"))
    for algorithm, expected in (
        (point, ("ec", 256)),
        (der(6, bytes.fromhex("2b6570")), ("ed25519", 256)),
        (der(6, b"\x2a\3"), ("", 0)),
    ):
        data = der(0x30, der(0x30, algorithm), der(3, b"\0"))
        assert x509._key(data, reader.element(data, 0)) == expected


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "early"),
        (b"\x30", "early"),
        (b"\x30\x80\0\0", "indefinite"),
        (b"\x30\x85\0\0\0\0\1\0", "length too long"),
        (b"\x30\x84\xff\xff\xff\xff", "longer"),
        (b"\x30\x82\1", "early"),
        (b"\x1f\x81\1\0", "tag number"),
        (b"\x30\3\2\2\1", "longer"),
    ],
)
def test_der_refuses(data: bytes, fault: str) -> None:
    """DER with wrong, indefinite or excessive lengths is malformed."""
    with pytest.raises(Malformed, match=fault):
        list(reader.children(data, reader.element(data, 0)))


def test_der_values() -> None:
    """Integers, identifiers, texts and times are decoded; two-digit years from 50 on are in the 20th century."""
    assert [reader.integer(bytes.fromhex(raw)) for raw in ("00", "ff", "0080", "7fff")] == [0, -1, 128, 32767]
    assert [reader.oid(bytes.fromhex(raw)) for raw in ("2b06010401", "550403", "8837", f"6983{'ff' * 17}7f")] == [
        "1.3.6.1.4.1",
        "2.5.4.3",
        "2.999",
        f"2.25.{(1 << 128) - 1}",
    ]
    assert (
        reader.text(reader.BMP, "Büro".encode("utf-16-be"))
        == reader.text(reader.UTF8, "Büro".encode())
        == reader.text(reader.T61, b"B\xfcro")
        == "Büro"
    )
    assert reader.unix_time(reader.UTC_TIME, b"491231235959Z") == 2524607999
    assert reader.unix_time(reader.UTC_TIME, b"500101000000Z") == -631152000
    assert reader.unix_time(reader.GENERALIZED_TIME, b"19700101000000Z") == 0
    for tag, raw in (
        (reader.UTC_TIME, b"49123"),
        (reader.UTC_TIME, b"x91231235959Z"),
        (reader.GENERALIZED_TIME, b"20201301000000Z"),
    ):
        with pytest.raises(Malformed):
            reader.unix_time(tag, raw)
    for bad in (b"", b"\x80", b"\1" * 641, b"\xff" * 19 + b"\1"):
        with pytest.raises(Malformed):
            reader.oid(bad)
    with pytest.raises(Malformed):
        reader.integer(b"")


def test_der_children_are_counted() -> None:
    """A constructed element with too many children is malformed."""
    data = der(0x30, b"\5\0" * 300)
    with pytest.raises(Malformed, match="too many"):
        list(reader.children(data, reader.element(data, 0)))


def test_heartbeats_by_their_sizes() -> None:
    """A heartbeat reports its claimed payload length and its record length, in any segmentation."""
    record = b"\x18\x03\x02\x00\x03\x01\x40\x00" + b"\x18\x03\x02\x00\x17\x01\x00\x04ping" + bytes(16)
    for size in (1, 3, len(record)):
        stream = Tls().stream(Packet())
        parsed = [
            each for at in range(0, len(record), size) for each in stream.feed(Packet(), record[at : at + size], True)
        ]
        assert events(parsed) == [("TlsHeartbeat", True, True, 16384, 3), ("TlsHeartbeat", True, True, 4, 23)]
    assert events(Tls().stream(Packet()).feed(Packet(), b"\x18\x03\x02\x00\x02\x01\x40", False)) == []
