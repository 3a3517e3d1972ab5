"""LDAP: logins, searches, changes and the directory's own description; passwords are never reported."""

from __future__ import annotations

import pytest

from pcaps.dissectors import ldap as made
from pcaps.dissectors.kerberos import der
from sensor.core.batch import Problem
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.ldap import Ldap
from sensor.dissectors.shared.seal import seal
from tests.dissectors.samples import events, facts, packets

BASE = "DC=example,DC=org"


def parsed(port: int) -> list[object]:
    """The events and observations of one connection of the capture."""
    stream, found = Ldap().stream(Packet()), []
    for packet in packets("ldap"):
        if port in (packet.sport, packet.dport):
            found += (
                Ldap().dissect(packet)
                if packet.proto == 17
                else stream.feed(packet, packet.payload, packet.dport == 389)
            )
    return found


def test_a_ping_of_windows() -> None:
    """A host that answers an LDAP ping is a domain controller."""
    found = parsed(50001)
    assert events(found) == [
        ("LdapSearch", "", "base", "(&(DnsDomain=example.org)(NtVer=))", ("Netlogon",)),
        ("LdapDirectory", "", True),
    ]
    assert [fact[1:] for fact in facts(found)] == [("10.20.30.5", "ldap.role", "domain_controller")]


def test_a_session() -> None:
    """Logins with results, searches with the number of entries, and changes with their attributes are reported."""
    found = parsed(50002)
    name = "(&(objectCategory=person)(!(userAccountControl:1.2.840.113556.1.4.803:=4194304))(cn=a*z))"
    users = (BASE, "tree", name, ("cn", "mail"))
    assert events(found) == [
        ("LdapBind", "simple", f"CN=svc,{BASE}", True),
        ("LdapBindResult", "simple", f"CN=svc,{BASE}", True, 0, seal(f"CN=svc,{BASE}", b"secret")),
        ("LdapSearch", "", "base", "(objectClass=*)", ()),
        ("LdapDirectory", "dc01.example.org", True),
        ("LdapSearchDone", "", "base", "(objectClass=*)", (), 0, 1),
        ("LdapSearch", *users),
        ("LdapSearchDone", *users, 0, 2),
        ("LdapChange", "modify", f"CN=Anna,{BASE}", ("description",)),
        ("LdapChange", "delete", "", ()),
        ("LdapChange", "rename", f"CN=Old,{BASE}", ()),
        ("LdapBind", "simple", f"CN=admin,{BASE}", True),
        ("LdapBindResult", "simple", f"CN=admin,{BASE}", True, 49, seal(f"CN=admin,{BASE}", b"wrong")),
    ]
    assert [fact[2:] for fact in facts(found)] == [
        ("ldap.hostname", "dc01.example.org"),
        ("ldap.role", "domain_controller"),
    ]
    assert "secret" not in repr(events(found))
    assert "wrong" not in repr(events(found))


def test_one_direction() -> None:
    """Without the server's packets each password is reported, as a seal; without the client's each rejection."""
    packet = Packet(proto=6, problem=Problem.ONE_SIDED)
    sent = b"".join(made.bind(n, b"CN=svc", password) for n, password in enumerate((b"one", b"", b"two"), 1))
    assert [one for one in events(Ldap().stream(packet).feed(packet, sent, True)) if one[0] != "LdapBind"] == [
        ("LdapPassword", "CN=svc", seal("CN=svc", b"one"), seal("", b"one")),
        ("LdapPassword", "CN=svc", seal("CN=svc", b"two"), seal("", b"two")),
    ]
    results = b"".join(made.result(n, 0x61, code) for n, code in enumerate((49, 0, 14, 49), 1))
    assert events(Ldap().stream(packet).feed(packet, results, False)) == [
        ("LdapBindResult", "", "", False, 49, ""),
        ("LdapBindResult", "", "", False, 49, ""),
    ]
    assert events(Ldap().stream(Packet()).feed(Packet(), results, False)) == []


def test_tls_ends_the_reading() -> None:
    """Nothing is parsed after TLS starts, and nothing is malformed."""
    assert events(parsed(50003)) == []


def test_signed_messages_are_read() -> None:
    """A token with a signed message is parsed; a sealed one ends parsing."""
    stream, packet = Ldap().stream(Packet()), Packet(proto=6)
    token = b"\5\4\0\xff\0\x0c\0\x0c" + bytes(20) + made.search(9, b"DC=x", 2, der(0x87, b"mail"))
    assert events(stream.feed(packet, len(token).to_bytes(4, "big") + token, True)) == [
        ("LdapSearch", "DC=x", "tree", "(mail=*)", ())
    ]
    sealed = b"\5\4\2\xff" + bytes(40)
    assert list(stream.feed(packet, len(sealed).to_bytes(4, "big") + sealed, True)) == []
    assert stream.done


def signed(data: bytes, checksum: bytes, turned: int) -> bytes:
    """A token with signed messages, behind its length (RFC 4121, 4.2.6.2)."""
    rest = data + checksum
    token = (
        b"\5\4\0\xff"
        + len(checksum).to_bytes(2, "big")
        + turned.to_bytes(2, "big")
        + bytes(8)
        + rest[len(rest) - turned :]
        + rest[: len(rest) - turned]
    )
    return len(token).to_bytes(4, "big") + token


@pytest.mark.parametrize("turned", [0, 12, 28])
def test_all_messages_of_a_token_are_read(turned: int) -> None:
    """All messages of a token are parsed, with any rotation and checksum."""
    stream, packet = Ldap().stream(Packet()), Packet(proto=6)
    checksum = b"\x20\x55\xfc\x30\x7c\x5d\x30\x84\0\0\0\1"
    list(stream.feed(packet, signed(made.search(9, b"DC=x", 2, der(0x87, b"mail")), checksum, turned), True))
    answer = (
        made.entry(9, b"CN=a,DC=x", mail=b"a@x") + made.entry(9, b"CN=b,DC=x", mail=b"b@x") + made.result(9, 0x65, 0)
    )
    assert events(stream.feed(packet, signed(answer, checksum, turned), False)) == [
        ("LdapSearchDone", "DC=x", "tree", "(mail=*)", (), 0, 2)
    ]


def test_a_conversation_received_from_the_middle_of_an_answer() -> None:
    """The rest of a partial response is skipped; later requests and responses are parsed."""
    stream, packet = Ldap().stream(Packet()), Packet(proto=6)
    requested, answer = made.search(9, b"DC=x", 2, der(0x87, b"mail")), made.entry(8, b"CN=a,DC=x", mail=b"a@x")
    assert [list(stream.feed(packet, part, False)) for part in (answer[20:], answer[10:])] == [[], []]
    assert events(stream.feed(packet, requested, True)) == [("LdapSearch", "DC=x", "tree", "(mail=*)", ())]
    assert events(stream.feed(packet, made.result(9, 0x65, 0), False)) == [
        ("LdapSearchDone", "DC=x", "tree", "(mail=*)", (), 0, 0)
    ]


def test_reading_goes_on_behind_a_gap() -> None:
    """After a gap, parsing resumes at a segment that begins with a message or a token with one."""
    stream, packet = Ldap().stream(Packet()), Packet(proto=6)
    for again in (made.bind(1, b"x", b""), signed(made.bind(1, b"x", b""), bytes(12), 12)):
        list(stream.gap(packet, 500, True))
        assert list(stream.feed(packet, b"middle of something", True)) == []
        assert events(stream.feed(packet, again, True)) == [("LdapBind", "simple", "x", False)]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x30\x05\x02\x01\x01\x41\x00",
        b"\x30\x80\x02\x01\x01\x60\x00",
        b"\x30\x84\xff\xff\xff\xff\x02\x01",
    ],
)
def test_other_bytes_are_malformed(data: bytes) -> None:
    """Other protocols, unknown operations, and indefinite or huge lengths are malformed on the port of LDAP."""
    with pytest.raises(Malformed):
        list(Ldap().stream(Packet(dport=389)).feed(Packet(proto=6), data, True))


def test_deep_filters_are_malformed() -> None:
    """Deeply nested filters, which may exhaust a parser, are malformed."""
    deep = der(0x87, b"cn")
    for _ in range(40):
        deep = der(0xA2, deep)
    with pytest.raises(Malformed):
        list(Ldap().dissect(Packet(made.search(1, b"", 2, deep))))


def test_a_java_object() -> None:
    """An object that loads its classes from a URL yields the URL; a stored queue of a message broker yields nothing."""

    def answered(**values: bytes) -> list[tuple[object, ...]]:
        return events(Ldap().stream(Packet()).feed(Packet(), made.entry(2, b"Exploit", **values), False))

    queue = {"javaClassName": b"com.example.Queue", "javaFactory": b"com.example.Factory"}
    url = b"http://198.51.100.7:8888/"
    assert answered(**queue, javaCodeBase=url) == [("ServiceCommand", "ldap", f"javaCodeBase {url.decode()}")]
    assert answered(javacodebase=url) == answered(javaCodeBase=url)
    assert answered(**queue) == answered(javaCodeBase=b"") == answered(description=b"javaCodeBase " + url) == []
