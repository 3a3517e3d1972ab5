"""SQL Server: versions and logins with their result; passwords are never reported."""

from __future__ import annotations

import pytest

from pcaps.dissectors.tds import ACCEPTED, error, login, message, options, token
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.tds import Tds
from tests.dissectors.samples import events, facts, packets, values

OPEN = (False, message(4, options(2)))


def session(port: int) -> list[object]:
    """The events and observations of one connection of the capture."""
    stream = Tds().stream(Packet())
    return [
        parsed
        for one in packets("tds")
        if port in (one.sport, one.dport)
        for parsed in stream.feed(one, one.payload, one.sport == port)
    ]


def conversation(*parts: tuple[bool, bytes]) -> list[object]:
    stream, packet = Tds().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


def test_login_in_clear() -> None:
    """Of a cleartext password only its seal is stored, the same as in other protocols."""
    parsed = session(49440)
    assert events(parsed) == [
        ("TdsServer", "15.0.2000", "none"),
        ("TdsLogin", "sa", "clear", False, seal("sa", b"not to be kept")),
    ]
    assert facts(parsed) == [("02:00:5e:00:53:05", "10.20.30.5", "tds.version", "15.0.2000")]
    assert "kept" not in repr(events(parsed))


def test_encrypted_login() -> None:
    """The error message of an encrypted login contains the user; a fully encrypted connection is not parsed."""
    assert events(session(49441)) == [("TdsServer", "15.0.2000", "login"), ("TdsLogin", "sa", "encrypted", False, "")]
    assert events(session(49443)) == [("TdsServer", "15.0.2000", "all")]


def test_ntlm() -> None:
    """NTLM challenge and login are reported, with the names of both ends."""
    parsed = session(49442)
    kinds = [(event[0], *event[1:4]) for event in events(parsed)]
    assert kinds[1:] == [
        ("NtlmChallenge", "tds", "SQL-1", "OFFICE"),
        ("NtlmLogin", "tds", "ntlmv2", "anna"),
        ("TdsLogin", "anna", "ntlm", True),
    ]
    assert {("ntlm.hostname", "SQL-1"), ("ntlm.hostname", "DESK-04")} <= set(values(parsed))


def test_logins_that_are_right() -> None:
    """The acceptance of a login is found after other tokens."""
    assert events(conversation(OPEN, (True, login("shop", "x")), (False, ACCEPTED)))[-1] == (
        "TdsLogin",
        "shop",
        "clear",
        True,
        seal("shop", b"x"),
    )


@pytest.mark.parametrize(
    ("text", "user"), [("Fehler bei der Anmeldung für den Benutzer „app“.", "app"), ("no name", "")]
)
def test_languages(text: str, user: str) -> None:
    """The user is read from error messages in any language."""
    assert events(conversation(OPEN, (False, message(4, error(18456, text)))))[-1] == (
        "TdsLogin",
        user,
        "encrypted",
        False,
        "",
    )


def test_other_errors_are_no_answer_to_a_password() -> None:
    """Other errors, such as a missing database, are not the result of a login."""
    assert (
        events(
            conversation(
                OPEN, (True, login("shop", "x")), (False, message(4, error(4060, "no 'x'") + token(0xAB, bytes(9))))
            )
        )[1:]
        == []
    )


def test_other_protocols_and_middles() -> None:
    """Other protocols on the port, and connections captured from the middle, yield nothing."""
    for parts in (
        [(True, b"GET / HTTP/1.1\r\n")],
        [(False, b"SSH-2.0-OpenSSH_9.2\r\n")],
        [(True, b"\3\1\0\x20\0\0\1\0")],
    ):
        assert conversation(*parts) == []


@pytest.mark.parametrize("part", [b"\x99" * 8, message(4, error(18456, "x")[:9])])
def test_malformed(part: bytes) -> None:
    """Unknown messages, and errors that end early, are malformed."""
    with pytest.raises(Malformed):
        conversation(OPEN, (True, login("a", "b")), (False, part))


def test_gaps_end_the_reading() -> None:
    """A gap ends parsing: the missing bytes may contain the result."""
    stream, packet = Tds().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, OPEN[1], False))
    assert list(stream.gap(packet, 3, True)) == []
    assert stream.done
