"""LDAP: a workstation sends an LDAP ping to a domain controller (CLDAP); a client binds with a password, reads the root
DSE, searches users, modifies an entry and is rejected; another connection starts TLS.
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation, udp
from pcaps.dissectors.kerberos import der

BASE = b"DC=example,DC=org"


def integer(number: int) -> bytes:
    return der(2, bytes([number]))


def octets(data: bytes) -> bytes:
    return der(4, data)


def message(number: int, tag: int, *parts: bytes) -> bytes:
    return der(0x30, integer(number), der(tag, *parts))


def search(number: int, base: bytes, scope: int, filter_: bytes, *attributes: bytes) -> bytes:
    limits = (der(10, b"\0"), integer(0), integer(0), der(1, b"\0"))
    return message(
        number, 0x63, octets(base), der(10, bytes([scope])), *limits, filter_, der(0x30, *map(octets, attributes))
    )


def entry(number: int, name: bytes, **values: bytes) -> bytes:
    listed = [der(0x30, octets(key.encode()), der(0x31, octets(value))) for key, value in values.items()]
    return message(number, 0x64, octets(name), der(0x30, *listed))


def result(number: int, tag: int, code: int) -> bytes:
    return message(number, tag, der(10, bytes([code])), octets(b""), octets(b""))


def bind(number: int, name: bytes, password: bytes) -> bytes:
    return message(number, 0x60, integer(3), octets(name), der(0x80, password))


def equal(name: bytes, value: bytes) -> bytes:
    return der(0xA3, octets(name), octets(value))


def frames() -> Frames:
    ping = search(1, b"", 0, der(0xA0, equal(b"DnsDomain", b"example.org"), equal(b"NtVer", b"\6\0\0\0")), b"Netlogon")
    yield udp(DESKTOP, PBX, "10.20.30.66", "10.20.30.5", 50001, 389, ping)
    pong = entry(1, b"", Netlogon=b"\x17\0\0\0") + result(1, 0x65, 0)
    yield udp(PBX, DESKTOP, "10.20.30.5", "10.20.30.66", 389, 50001, pong)
    rule = der(0xA9, der(0x81, b"1.2.840.113556.1.4.803"), der(0x82, b"userAccountControl"), der(0x83, b"4194304"))
    users = der(
        0xA0,
        equal(b"objectCategory", b"person"),
        der(0xA2, rule),
        der(0xA4, octets(b"cn"), der(0x30, der(0x80, b"a"), der(0x82, b"z"))),
    )
    change = message(
        5,
        0x66,
        octets(b"CN=Anna," + BASE),
        der(0x30, der(0x30, der(10, b"\2"), der(0x30, octets(b"description"), der(0x31, octets(b"x"))))),
    )
    root_dse = entry(3, b"", dnsHostName=b"dc01.example.org", supportedCapabilities=b"1.2.840.113556.1.4.800")
    parts = [
        (True, bind(2, b"CN=svc," + BASE, b"secret")),
        (False, result(2, 0x61, 0)),
        (True, search(3, b"", 0, der(0x87, b"objectClass"))),
        (False, root_dse + result(3, 0x65, 0)),
        (True, search(4, BASE, 2, users, b"cn", b"mail")[:40]),
        (True, search(4, BASE, 2, users, b"cn", b"mail")[40:]),
        (
            False,
            entry(4, b"CN=Anna," + BASE, cn=b"Anna")
            + entry(4, b"CN=Amz," + BASE, cn=b"Amz" * 4000)
            + result(4, 0x65, 0),
        ),
        (True, change),
        (False, result(5, 0x67, 0)),
        (True, message(6, 0x4A) + message(7, 0x6C, octets(b"CN=Old," + BASE))),
        (True, bind(8, b"CN=admin," + BASE, b"wrong")),
        (False, result(8, 0x61, 49)),
    ]
    yield from conversation((DESKTOP, "10.20.30.66", 50002), (PBX, "10.20.30.5", 389), parts)
    tls = message(1, 0x77, der(0x80, b"1.3.6.1.4.1.1466.20037"))
    yield from conversation(
        (DESKTOP, "10.20.30.66", 50003),
        (PBX, "10.20.30.5", 389),
        [(True, tls), (False, result(1, 0x78, 0)), (True, b"\x16\3\1\0\5hello")],
    )
