"""POP3: logins with their result; passwords and mail are never reported."""

from __future__ import annotations

import pytest

from sensor.core.batch import Problem
from sensor.core.observation import Observation
from sensor.core.packet import Packet
from sensor.dissectors.pop3 import Pop3
from sensor.dissectors.shared.seal import seal
from tests.dissectors.samples import events, packets

GREETED = ("Pop3Banner", "Dovecot (Debian) ready.")
HELLO = (False, b"+OK ready\r\n")


def session(port: int) -> list[object]:
    """The events and observations of one connection of the capture."""
    stream = Pop3().stream(Packet())
    return [
        parsed
        for one in packets("pop3")
        if port in (one.sport, one.dport)
        for parsed in stream.feed(one, one.payload, one.sport == port)
    ]


def conversation(*parts: tuple[bool, bytes]) -> list[object]:
    stream, packet = Pop3().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


@pytest.mark.parametrize(
    ("greeting", "programs"),
    [
        (b"+OK Dovecot ready. <1d2.4.65b@mail.office.example>\r\n", ["Dovecot ready."]),
        (b"+OK <1896.697170952@mail.office.example>\r\n", []),
    ],
)
def test_the_program_of_the_server(greeting: bytes, programs: list[str]) -> None:
    """The greeting names the program; what differs in each connection is left out, and an empty rest is no fact."""
    found = [one for one in conversation((False, greeting)) if isinstance(one, Observation)]
    assert [(one.kind, one.value) for one in found] == [("pop3.banner", program) for program in programs]


def test_wrong_and_right() -> None:
    """Logins are reported after a list of capabilities, and with pipelined commands."""
    parsed = events(session(49460))
    refused, right = seal("anna", b"wrong-secret"), seal("anna", b"not to be kept")
    assert parsed == [
        GREETED,
        ("Pop3Login", "anna", "clear", False, refused),
        ("Pop3Login", "anna", "clear", True, right),
    ]
    assert "kept" not in repr(parsed)


def test_other_ways() -> None:
    """SASL logins and a digest at the second attempt are reported; nothing is parsed after TLS starts."""
    assert events(session(49461))[1:] == [("Pop3Login", "bob", "clear", True, seal("bob", b"not to be kept"))]
    assert events(session(49462))[1:] == [("Pop3Login", "carl", "apop", True, "")]
    assert events(session(49463)) == [GREETED]


@pytest.mark.parametrize("first", [b"!!!", b"QUFB", b""])
def test_odd_credentials(first: bytes) -> None:
    """Credentials with invalid base64 or without a password have no user."""
    assert events(conversation(HELLO, (True, b"AUTH PLAIN " + first + b"\r\n"), (False, b"-ERR no\r\n")))[1:] == [
        ("Pop3Login", "", "clear", False, "")
    ]


def test_other_protocols_middles_and_gaps() -> None:
    """A connection that does not begin with the server's greeting yields nothing; a gap ends parsing."""
    for parts in (
        [(True, b"USER a\r\n"), (False, b"+OK\r\n")],
        [(False, b"220 ftp\r\n"), (True, b"PASS b\r\n")],
        [(False, b"\x16\x03\n")],
    ):
        assert conversation(*parts) == []
    stream = Pop3().stream(Packet())
    assert list(stream.gap(Packet(), 3, True)) == []
    assert stream.done


def test_one_direction() -> None:
    """Without packets of the server each password is reported, and only its seal is stored; without those of the client
    failures that are about the password.
    """
    one_sided = Packet(proto=6, problem=Problem.ONE_SIDED)
    sent = b"USER bro\r\nPASS one\r\nAUTH PLAIN\r\nAGJybwB0d28=\r\nQUIT\r\n"
    assert events(Pop3().stream(Packet(dport=110)).feed(one_sided, sent, True)) == [
        ("Pop3Password", "bro", seal("bro", b"one"), seal("", b"one")),
        ("Pop3Password", "bro", seal("bro", b"two"), seal("", b"two")),
    ]
    received = b"+OK ready\r\n+OK\r\n-ERR [AUTH] no\r\n-ERR [IN-USE] busy\r\n-ERR no such mail\r\n"
    received += b"-ERR Logon failure: unknown user name or bad password.\r\n-ERR Login failed.\r\n"
    received += b"-ERR [SYS/TEMP] Login failed\r\n-ERR Authentication failed: mailbox is locked\r\n"
    assert events(Pop3().stream(Packet(sport=110)).feed(one_sided, received, False))[1:] == 3 * [
        ("Pop3Login", "", "", False, "")
    ]


@pytest.mark.parametrize("reason", [b"Plaintext authentication disallowed on non-secure (SSL/TLS) connections.", b""])
def test_logins_that_fail_for_other_reasons(reason: bytes) -> None:
    """A server that requires encryption does not judge the password; one without a reason does."""
    parts = [HELLO, (True, b"USER bro\r\nPASS one\r\n"), (False, b"+OK\r\n-ERR " + reason + b"\r\n")]
    refused = [("Pop3Login", "bro", "clear", False, seal("bro", b"one"))]
    assert events(conversation(*parts))[1:] == ([] if reason else refused)
