"""TLS: a VoIP phone and its server with client and server certificates, a ClientHello of a browser in two segments, a
HelloRetryRequest, the certificate of a printer; RDP, SSL 2.0 and DTLS.
"""

from __future__ import annotations

import hashlib

from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, PBX, PHONE, PRINTER, Frames, conversation, udp
from pcaps.dissectors._tls import (
    CIPHERS,
    RANDOM,
    alpn,
    browser_extensions,
    certificate,
    certificates,
    client_hello,
    dtls,
    extension,
    handshake,
    name,
    numbers,
    record,
    server_hello,
    server_name,
)

OLD = (0x002F, 0x0035, 0x000A, 0x0005, 0x00FF)


def frames() -> Frames:
    change, sealed = record(b"\1", 20, 0x0303), record(bytes(48), 23, 0x0303)
    exchange = record(handshake(16, bytes(130)), version=0x0303)
    issuer = name(O="Cisco Systems", CN="Cisco Manufacturing CA SHA2")
    phone = certificate(name(O="Cisco Systems Inc.", OU="EVVBU", CN="CP-8841-SEP0015655E5302"), issuer)
    pbx = certificate(name(O="Example", CN="pbx.example"), name(O="Example", CN="Example CA"))
    hello_response = record(handshake(2, server_hello(0xC02F, [alpn("sip")])), version=0x0303)
    parts = [
        (True, record(handshake(1, client_hello(OLD, [server_name("PBX.Example."), alpn("sip")])))),
        (False, hello_response + record(handshake(11, certificates(pbx, phone))[:500], version=0x0303)),
        (
            False,
            record(
                handshake(11, certificates(pbx, phone))[500:] + handshake(13, b"\1\1\0\2\4\1\0\0") + handshake(14, b""),
                version=0x0303,
            ),
        ),
        (True, record(handshake(11, certificates(phone)), version=0x0303) + exchange),
    ]
    yield from conversation((PHONE, "10.20.30.12", 50104), (PBX, "10.20.30.5", 5061), parts)

    web = (GATEWAY, "198.51.100.7", 443)
    hello = record(handshake(1, client_hello(CIPHERS, browser_extensions("www.example.com", "h2", "http/1.1"))))
    share = extension(51, b"\0\x1d\0\x20" + RANDOM)
    server_hello_record = record(handshake(2, server_hello(0x1301, [share, extension(43, b"\3\4")])), version=0x0303)
    parts = [
        (True, hello[:300]),
        (True, hello[300:]),
        (False, server_hello_record + change + sealed),
        (True, change + sealed),
    ]
    yield from conversation((DESKTOP, "10.20.30.14", 50101), web, parts)

    retry_request = record(
        handshake(
            2, server_hello(0x1302, [extension(43, b"\3\4")], random=hashlib.sha256(b"HelloRetryRequest").digest())
        ),
        version=0x0303,
    )
    parts = [
        (True, hello),
        (False, retry_request + change),
        (True, change + hello),
        (False, server_hello_record + sealed),
    ]
    yield from conversation((DESKTOP, "10.20.30.14", 50102), web, parts)

    printer = name(O="KYOCERA Document Solutions Inc.", OU="Printer", CN="KM1A2B3C")
    own = record(
        handshake(2, server_hello(0x0035, [extension(0xFF01, b"\0")]))
        + handshake(11, certificates(certificate(printer, names=("KM1A2B3C.local",)))),
        version=0x0303,
    )
    plain = record(handshake(1, client_hello(OLD, [extension(13, numbers(0x0401))])))
    parts = [
        (True, plain),
        (False, own[:700]),
        (False, own[700:] + record(handshake(14, b""), version=0x0303)),
        (True, exchange + change + sealed),
    ]
    yield from conversation((DESKTOP, "10.20.30.14", 50103), (PRINTER, "10.20.30.41", 443), parts)

    desk = certificate(name(CN="DESK-07.example"))
    screen = record(handshake(2, server_hello(0xC030, [])) + handshake(11, certificates(desk)), version=0x0303)
    parts = [(True, record(handshake(1, client_hello(OLD, [])))), (False, screen), (True, exchange)]
    yield from conversation((PBX, "10.20.30.5", 50105), (DESKTOP, "10.20.30.14", 3389), parts)

    old = b"\1\3\0\0\x09\0\0\0\x10" + b"\0\0\5" + b"\0\0\x0a" + b"\7\0\xc0" + RANDOM[:16]
    yield from conversation(
        (CAMERA, "10.20.30.61", 50106), (PBX, "10.20.30.5", 443), [(True, bytes((0x80, len(old))) + old)]
    )

    meter = client_hello((0xC02B, 0xC0AE), [extension(13, numbers(0x0403)), server_name("coap.example")], 0xFEFD, b"\0")
    yield udp(CAMERA, PBX, "10.20.30.61", "10.20.30.5", 50107, 5684, dtls(1, meter))
    answer = dtls(2, server_hello(0xC02B, [], 0xFEFD)) + dtls(11, certificates(pbx), 1)
    yield udp(PBX, CAMERA, "10.20.30.5", "10.20.30.61", 5684, 50107, answer)
