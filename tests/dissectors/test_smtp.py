"""SMTP: greetings and logins with their result; passwords and mail are never reported."""

from __future__ import annotations

from sensor.core.packet import Packet
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.smtp import Smtp
from tests.dissectors.samples import events, facts, packets

GREETED = ("SmtpBanner", "mail.office.example ESMTP Postfix (Debian/GNU)")


def session(port: int) -> list[object]:
    """The events and observations of one connection of the capture."""
    stream = Smtp().stream(Packet())
    return [
        parsed
        for one in packets("smtp")
        if port in (one.sport, one.dport)
        for parsed in stream.feed(one, one.payload, one.sport == port)
    ]


def conversation(*parts: tuple[bool, bytes]) -> list[object]:
    stream, packet = Smtp().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


def test_wrong_and_right() -> None:
    """Credentials in the AUTH command are parsed; of a password only its seal is stored."""
    parsed = session(49470)
    refused, right = seal("anna", b"wrong-secret"), seal("anna", b"not to be kept")
    assert events(parsed) == [
        GREETED,
        ("SmtpLogin", "anna", "clear", False, refused),
        ("SmtpLogin", "anna", "clear", True, right),
    ]
    assert facts(parsed) == [("02:00:5e:00:53:05", "10.20.30.5", "smtp.banner", GREETED[1])]
    assert "kept" not in repr(events(parsed))


def test_line_by_line() -> None:
    """User and password on separate lines are parsed."""
    assert events(session(49471)) == [GREETED, ("SmtpLogin", "bob", "clear", True, seal("bob", b"not to be kept"))]


def test_tls_and_mail_end_the_reading() -> None:
    """Nothing is parsed after TLS starts or mail begins."""
    assert events(session(49472)) == [GREETED]
    assert events(session(49473)) == [GREETED]


def test_other_refusals_are_no_answer_to_a_password() -> None:
    """An unknown mechanism, a server error and a cancelled login are not the result of a login."""
    for code in (504, 454, 501):
        assert (
            events(conversation((False, b"220 a\r\n"), (True, b"AUTH NTLM TlRM\r\n"), (False, b"%d no\r\n" % code)))[1:]
            == []
        )


def test_other_protocols_middles_and_gaps() -> None:
    """A connection that does not begin with the server's greeting yields nothing; a gap ends parsing."""
    for parts in (
        [(True, b"AUTH PLAIN AGEAYg==\r\n"), (False, b"235 ok\r\n")],
        [(False, b"554 no\r\n")],
        [(False, b"SSH-2.0-x\r\n")],
        [(False, b"220\r\n")],
    ):
        assert conversation(*parts) == []
    stream = Smtp().stream(Packet())
    assert list(stream.gap(Packet(), 3, True)) == []
    assert stream.done
