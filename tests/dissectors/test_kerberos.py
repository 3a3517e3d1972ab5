"""Kerberos: logins, tickets and errors; secrets are not reported."""

from __future__ import annotations

import pytest

from pcaps.dissectors import kerberos as made
from sensor.core.batch import Problem
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.kerberos import BEGINNINGS, Kerberos, presented
from sensor.dissectors.shared import der
from tests.dissectors.samples import events, facts, packets

CENTRE = "krbtgt/EXAMPLE.ORG"


def parsed() -> list[object]:
    """The events and observations of the capture."""
    stream, found = Kerberos().stream(Packet()), []
    for packet in packets("kerberos"):
        found += (
            Kerberos().dissect(packet)
            if packet.proto == 17
            else stream.feed(packet, packet.payload, packet.dport == 88)
        )
    return found


def test_a_login_and_a_service() -> None:
    """Names and ciphers are reported, and a ticket has the same hash in the reply and in the request that uses it."""
    found = events(parsed())
    assert found[:4] == [
        ("KerberosAsRequest", "anna", "EXAMPLE.ORG", CENTRE, (18, 17, 23, 24, -135, 3), 0x40810010, "WS-FRONT", "", 0),
        ("KerberosError", 25, "", "EXAMPLE.ORG", CENTRE, (18, 23)),
        ("KerberosAsRequest", "anna", "EXAMPLE.ORG", CENTRE, (18, 17, 23), 0x40810010, "WS-FRONT", "timestamp", 18),
        ("KerberosAsReply", "anna", "EXAMPLE.ORG", CENTRE, found[3][4], 18, 18),
    ]
    assert found[4:6] == [
        ("KerberosAsRequest", "WS-BACK$", "EXAMPLE.ORG", CENTRE, (18,), 0x40810010, "", "", 0),
        ("KerberosError", 6, "", "EXAMPLE.ORG", CENTRE, ()),
    ]
    ticket = found[3][4]
    assert found[6][:8] == (
        "KerberosTgsRequest",
        "",
        "EXAMPLE.ORG",
        "cifs/fs01.example.org",
        (18, 17, 23),
        0x40810010,
        "",
        ticket,
    )
    assert found[6][8:] == (18, CENTRE, 18, False, "")
    assert found[7][:4] == ("KerberosTgsReply", "anna", "EXAMPLE.ORG", "cifs/fs01.example.org")
    assert found[7][5:] == (23, 18)


def test_machines_name_themselves() -> None:
    """A host is named by the address in its request or by its machine account; a host that issues tickets is a KDC."""
    assert [(address, kind, value) for _, address, kind, value in facts(parsed())] == [
        ("10.20.30.66", "kerberos.hostname", "WS-FRONT"),
        ("10.20.30.66", "kerberos.hostname", "WS-FRONT"),
        ("10.20.30.5", "kerberos.role", "kdc"),
        ("10.20.30.66", "kerberos.hostname", "WS-BACK"),
    ]


def test_a_ticket_of_another_realm_names_its_issuer() -> None:
    """A ticket for the krbtgt of another realm names the realm that issued it, since its key is that of the trust."""
    granted = made.ticket(made.RC4, ("krbtgt", "PARTNER.EXAMPLE"), b"t" * 48)
    fields = (
        made.integer(5),
        made.integer(14),
        made.der(3, bytes(5)),
        granted,
        made.encrypted_data(made.AES, b"a" * 64),
    )
    shown = made.der(0x6E, made.der(0x30, *(made.field(number, value) for number, value in enumerate(fields))))
    message = made.request(12, "", ("cifs", "fs01"), (18,), made.padata_entry(1, shown))
    (found,) = events(Kerberos().dissect(Packet(message, sport=50000, dport=88)))
    assert found[9] == "krbtgt/PARTNER.EXAMPLE@EXAMPLE.ORG"


def test_a_gap_is_left_behind() -> None:
    """After a gap, parsing resumes at a segment that begins with a message."""
    stream, packet = Kerberos().stream(Packet()), Packet(proto=6)
    message = made.error(24, ("krbtgt", made.REALM))
    framed = len(message).to_bytes(4, "big") + message
    assert list(stream.gap(packet, 100, False)) == []
    assert list(stream.feed(packet, b"rest of something", False)) == []
    assert events(stream.feed(packet, framed, False)) == [("KerberosError", 24, "", "EXAMPLE.ORG", CENTRE, ())]


def test_truncated_messages() -> None:
    """A truncated message yields its complete fields only: an incomplete ticket has no hash."""
    whole = list(packets("kerberos"))
    request, reply = (next(one for one in whole if one.proto == 6 and one.payload[4] == kind) for kind in (0x6C, 0x6D))
    for packet in (request, reply):
        for size in range(5, len(packet.payload)):
            events(_cut(packet, size))  # never malformed, wherever it ends
    (found,) = events(_cut(reply, 4 + _end_of(reply, b"fs01.example.org") + 60))
    assert (found[0], found[3:6]) == ("KerberosTgsReply", ("cifs/fs01.example.org", "", 23))
    (found,) = events(_cut(request, 4 + _end_of(request, b"krbtgt") + 60))
    assert (found[0], found[3:5], found[7]) == ("KerberosTgsRequest", ("", ()), "")
    assert found[8:10] == (18, CENTRE)


def _cut(packet: Packet, size: int) -> list[object]:
    """The results of the first segment of a connection, of which the capture contains ``size`` bytes."""
    stream, part = Kerberos().stream(Packet()), Packet(packet.payload[:size], proto=6, problem=Problem.CUT)
    from_client = packet.payload[4] == 0x6C
    return [*stream.feed(part, part.payload, from_client), *stream.gap(part, len(packet.payload) - size, from_client)]


def _end_of(packet: Packet, text: bytes) -> int:
    return packet.payload.index(text) + len(text) - 4


def test_what_follows_a_truncated_message_is_read() -> None:
    """The message after a truncated one is found by its length field."""
    first, second = made.error(24, ("krbtgt", made.REALM)), made.error(25, ("krbtgt", made.REALM))
    stream, cut = Kerberos().stream(Packet()), Packet(proto=6, problem=Problem.CUT)
    head = len(first).to_bytes(4, "big") + first[:20]
    assert list(stream.feed(cut, head, True)) == []
    assert list(stream.gap(cut, len(first) - 20, True)) == []
    assert [one[1] for one in events(stream.feed(Packet(proto=6), len(second).to_bytes(4, "big") + second, True))] == [
        25
    ]


def test_clipped_elements() -> None:
    """Nested sequences truncated at any byte become complete elements of the available bytes."""
    inner = der.packed(der.INTEGER, b"\5") + der.packed(der.OCTET_STRING, b"abcd") + der.packed(der.INTEGER, b"\6")
    whole = der.packed(der.SEQUENCE, der.packed(der.SEQUENCE, inner))
    assert der.clipped(whole) == whole
    assert {der.clipped(whole[:size]) for size in range(7)} == {b""}
    held = []
    for size in range(7, len(whole) + 1):
        raw = der.clipped(whole[:size])
        one = der.expect(raw, der.expect(raw, 0, None, der.SEQUENCE).start, None, der.SEQUENCE)
        held.append(b"".join(der.content(raw, child) for child in der.children(raw, one)))
    assert held == [b"\5", b"\5", b"\5", b"\5a", b"\5ab", b"\5abc", *[b"\5abcd"] * 3, b"\5abcd\6"]


def test_other_ports() -> None:
    """On other ports, messages are found by their first bytes, and other protocols end the stream."""
    for packet in (one for one in packets("kerberos") if one.proto == 6 and one.payload[4] in (0x6C, 0x6D)):
        assert any(packet.payload[at : at + 4] == value for at, value in BEGINNINGS)
    message = made.error(24, ("krbtgt", made.REALM))
    assert any((b"\0\0\0\0" + message)[at : at + 4] == value for at, value in BEGINNINGS)
    elsewhere = Packet(sport=50000, dport=20088)
    parsed = Kerberos().stream(elsewhere).feed(Packet(proto=6), len(message).to_bytes(4, "big") + message, True)
    assert len(events(parsed)) == 1
    other = Kerberos().stream(elsewhere)
    assert list(other.feed(Packet(proto=6), b"GET / HTTP/1.1\r\n", True)) == []
    assert other.done


def test_odd_error_data_is_no_fault() -> None:
    """Error data with a KDC's own structures is not malformed."""
    packet = Packet(made.error(60, ("krbtgt", made.REALM), b"\x30\x03\x02\x01"), sport=88)
    assert events(Kerberos().dissect(packet)) == [("KerberosError", 60, "", "EXAMPLE.ORG", CENTRE, ())]


def test_other_bytes_are_malformed() -> None:
    """Other protocols in datagrams and streams are malformed."""
    with pytest.raises(Malformed):
        list(Kerberos().dissect(Packet(b"\x30\x82\x01\x00")))
    with pytest.raises(Malformed):
        list(Kerberos().stream(Packet(dport=88)).feed(Packet(proto=6), b"GET / HTTP/1.1\r\n", True))


def shown() -> bytes:
    """A service ticket in a request to the service (RFC 4120, 5.5.1)."""
    granted = made.ticket(made.RC4, ("cifs", "fs01"), b"s" * 48)
    fields = (
        made.field(0, made.integer(5)),
        made.field(1, made.integer(14)),
        made.field(2, made.der(3, bytes(5))),
        made.field(3, granted),
        made.field(4, made.encrypted_data(made.AES, b"a" * 64)),
    )
    return made.der(0x6E, made.der(0x30, *fields))


def test_the_user_on_whose_behalf_a_ticket_is_requested() -> None:
    """The name in the request; a truncated one is unknown."""
    user = made.der(0x30, made.field(0, made.name(1, "Administrator")), made.field(1, made.text(made.REALM)))
    for raw, name in ((user, "Administrator"), (user[:-30], "")):
        proofs = made.padata_entry(1, shown()) + made.padata_entry(129, raw)
        message = made.request(12, "", ("svc-web",), (18, 23), proofs)
        [found] = events(Kerberos().dissect(Packet(message, dport=88)))
        assert found[-2:] == (True, name)


def test_a_ticket_presented_to_a_service() -> None:
    """The service and the encryption type of the ticket, also of a truncated token; other tokens yield nothing."""
    token = made.der(0x60, bytes.fromhex("06092a864886f712010202"), b"\1\0", shown())
    [whole] = events(presented(Packet(), b"spnego" + token))
    assert (whole[0], whole[2:]) == ("KerberosPresented", (23, "cifs/fs01"))
    [cut] = events(presented(Packet(), b"spnego" + token[:-40]))
    assert cut[2:] == whole[2:]
    assert list(presented(Packet(), token[:30])) == list(presented(Packet(), b"NTLMSSP\0" + bytes(40))) == []
