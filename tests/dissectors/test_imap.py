"""IMAP: logins with their result; passwords and mail are never reported."""

from __future__ import annotations

import pytest

from sensor.core.batch import Problem
from sensor.core.observation import Observation
from sensor.core.packet import Packet
from sensor.dissectors.imap import Imap
from sensor.dissectors.shared.seal import seal
from tests.dissectors.samples import events, packets

GREETED = ("ImapBanner", "[CAPABILITY IMAP4rev1 LITERAL+] Dovecot (Debian) ready.")
HELLO = (False, b"* OK ready\r\n")


def session(port: int) -> list[object]:
    """The events and observations of one connection of the capture."""
    stream = Imap().stream(Packet())
    return [
        parsed
        for one in packets("imap")
        if port in (one.sport, one.dport)
        for parsed in stream.feed(one, one.payload, one.sport == port)
    ]


def conversation(*parts: tuple[bool, bytes]) -> list[object]:
    stream, packet = Imap().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


@pytest.mark.parametrize(
    ("greeting", "programs"),
    [
        (b"* OK [CAPABILITY IMAP4rev1 LITERAL+] Dovecot (Debian) ready.\r\n", ["Dovecot (Debian) ready."]),
        (b"* OK Courier-IMAP ready [TQBYADEA]\r\n", ["Courier-IMAP ready"]),
        (b"* OK [CAPABILITY IMAP4rev1]\r\n", []),
    ],
)
def test_the_program_of_the_server(greeting: bytes, programs: list[str]) -> None:
    """The greeting names the program; what differs in each connection is left out, and an empty rest is no fact."""
    found = [one for one in conversation((False, greeting)) if isinstance(one, Observation)]
    assert [(one.kind, one.value) for one in found] == [("imap.banner", program) for program in programs]


def test_words_of_all_kinds() -> None:
    """Arguments are read as atoms, quoted strings and literals."""
    parsed = events(session(49480))
    refused, right = seal("anna", b'wrong "secret'), seal("anna", b"not to be kept")
    assert parsed == [
        GREETED,
        ("ImapLogin", "anna", "clear", False, refused),
        ("ImapLogin", "anna", "clear", True, right),
    ]
    assert "kept" not in repr(parsed)


def test_other_ways() -> None:
    """SASL logins are reported; nothing is parsed after TLS starts."""
    assert events(session(49481))[1:] == [("ImapLogin", "bob", "cram-md5", True, "")]
    assert events(session(49482)) == [GREETED]


@pytest.mark.parametrize(
    "answer", [b"a NO [UNAVAILABLE] later", b"a BAD syntax", b"b NO it is another's", b"* NO note"]
)
def test_other_answers_evaluate_no_password(answer: bytes) -> None:
    """Server errors, and responses to other commands, are not the result of a login."""
    assert events(conversation(HELLO, (True, b"a LOGIN u p\r\n"), (False, answer + b"\r\n")))[1:] == []


def test_odd_words() -> None:
    """A login without a password has no user; an overlong password is truncated."""
    assert events(conversation(HELLO, (True, b"a LOGIN u\r\n"), (False, b"a NO\r\n")))[1:] == [
        ("ImapLogin", "", "clear", False, "")
    ]
    long = conversation(HELLO, (True, b"a LOGIN u {9999}\r\n" + b"p" * 500 + b"\r\n"), (False, b"a NO\r\n"))
    assert events(long)[1:] == [("ImapLogin", "u", "clear", False, seal("u", b"p" * 256))]


def test_other_protocols_middles_and_gaps() -> None:
    """A connection that does not begin with the server's greeting yields nothing; a gap ends parsing."""
    for parts in (
        [(True, b"a LOGIN u p\r\n"), (False, b"a OK\r\n")],
        [(False, b"220 ftp\r\n")],
        [(False, b"* BYE busy\r\n"), (True, b"a LOGIN u p\r\n")],
    ):
        assert conversation(*parts) == []
    stream = Imap().stream(Packet())
    assert list(stream.gap(Packet(), 3, True)) == []
    assert stream.done


def test_one_direction() -> None:
    """Without packets of the server each password is reported, and only its seal is stored; without those of the client
    failures that are about the password.
    """
    one_sided = Packet(proto=6, problem=Problem.ONE_SIDED)
    sent = b"1 CAPABILITY\r\n2 LOGIN bro one\r\n3 AUTHENTICATE PLAIN\r\nAGJybwB0d28=\r\n4 LOGOUT\r\n"
    assert events(Imap().stream(Packet(dport=143)).feed(one_sided, sent, True)) == [
        ("ImapPassword", "bro", seal("bro", b"one"), seal("", b"one")),
        ("ImapPassword", "bro", seal("bro", b"two"), seal("", b"two")),
    ]
    received = (
        b"* OK ready\r\n1 OK\r\n2 NO [AUTHENTICATIONFAILED] no\r\n3 NO [UNAVAILABLE] login failed\r\n"
        b"4 NO no such mailbox\r\n5 NO LOGIN failed.\r\n6 NO Invalid user name or password.\r\n"
        b"7 NO [PRIVACYREQUIRED] authentication rejected\r\n8 NO unsupported authentication mechanism, login denied\r\n"
    )
    assert events(Imap().stream(Packet(sport=143)).feed(one_sided, received, False))[1:] == 3 * [
        ("ImapLogin", "", "", False, "")
    ]
    assert events(Imap().stream(Packet(sport=143)).feed(Packet(proto=6), received, False))[1:] == []


@pytest.mark.parametrize(
    "reason",
    [b"Plaintext authentication disallowed on non-secure (SSL/TLS) connections.", b"Unsupported mechanism",
     b"[UNAVAILABLE] Temporary authentication failure."],
)  # fmt: skip
def test_logins_that_fail_for_other_reasons(reason: bytes) -> None:
    """The password was not judged: the server requires encryption, has no such mechanism, or an error of its own."""
    parts = [(False, b"* OK ready\r\n"), (True, b"1 LOGIN bro one\r\n"), (False, b"1 NO " + reason + b"\r\n")]
    assert events(conversation(*parts))[1:] == []
