"""Kerberos: logins, tickets, errors; what is secret stays so."""

from __future__ import annotations

import pytest

from pcaps.dissectors import kerberos as made
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.kerberos import Kerberos
from tests.dissectors.samples import events, facts, packets

CENTRE = "krbtgt/EXAMPLE.ORG"


def parsed() -> list[object]:
    """What is said in the capture."""
    stream, found = Kerberos().stream(Packet()), []
    for packet in packets("kerberos"):
        found += (
            Kerberos().dissect(packet)
            if packet.proto == 17
            else stream.feed(packet, packet.payload, packet.dport == 88)
        )
    return found


def test_a_login_and_a_service() -> None:
    """Names, ciphers and the same ticket in the answer and in what is asked with it."""
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
    assert found[6][8:] == (18, CENTRE, 18, False)
    assert found[7][:4] == ("KerberosTgsReply", "anna", "EXAMPLE.ORG", "cifs/fs01.example.org")
    assert found[7][5:] == (23, 18)


def test_machines_name_themselves() -> None:
    """By the address of a request, or by the account of the machine; who gives tickets is a key centre."""
    assert [(address, kind, value) for _, address, kind, value in facts(parsed())] == [
        ("10.20.30.66", "kerberos.hostname", "WS-FRONT"),
        ("10.20.30.66", "kerberos.hostname", "WS-FRONT"),
        ("10.20.30.5", "kerberos.role", "key_centre"),
        ("10.20.30.66", "kerberos.hostname", "WS-BACK"),
    ]


def test_a_gap_is_left_behind() -> None:
    """Reading goes on where a segment begins with a message."""
    stream, packet = Kerberos().stream(Packet()), Packet(proto=6)
    message = made.error(24, ("krbtgt", made.REALM))
    framed = len(message).to_bytes(4, "big") + message
    assert list(stream.gap(packet, 100, False)) == []
    assert list(stream.feed(packet, b"rest of something", False)) == []
    assert events(stream.feed(packet, framed, False)) == [("KerberosError", 24, "", "EXAMPLE.ORG", CENTRE, ())]


def test_odd_error_data_is_no_fault() -> None:
    """Some centres put their own structures into errors."""
    packet = Packet(made.error(60, ("krbtgt", made.REALM), b"\x30\x03\x02\x01"), sport=88)
    assert events(Kerberos().dissect(packet)) == [("KerberosError", 60, "", "EXAMPLE.ORG", CENTRE, ())]


def test_other_bytes_are_malformed() -> None:
    """Neither a datagram nor a stream of something else."""
    with pytest.raises(Malformed):
        list(Kerberos().dissect(Packet(b"\x30\x82\x01\x00")))
    with pytest.raises(Malformed):
        list(Kerberos().stream(Packet()).feed(Packet(proto=6), b"GET / HTTP/1.1\r\n", True))
