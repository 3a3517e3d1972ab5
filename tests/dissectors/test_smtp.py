"""SMTP: greetings and logins with their result; passwords and texts of mails are never reported."""

from __future__ import annotations

import pytest

from sensor.core.batch import Problem
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
    """Nothing is parsed after TLS starts; of a mail only its envelope until its header begins."""
    assert events(session(49472)) == [GREETED]
    assert events(session(49473)) == [GREETED, ("SmtpMailbox", "MAIL", "FROM:<a@example.org>", 250)]


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


MAIL = (
    b"From: <a@example.org>\r\nSubject: =?utf-8?B?UFdfYWRtaW4vREVTSy0wNA==?=\r\nX-Mailer: Outlook\r\n 16.0\r\n"
    b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nname="hidden.exe"\r\n'
    b'--x\r\nContent-Type: application/octet-stream;\r\n\tname="invoice.pdf.exe"\r\nContent-Disposition: '
    b'attachment;\r\n filename="invoice.pdf.exe"\r\n\r\nTVqQ\r\n--x--\r\n.\r\n'
)


def sent(*mails: bytes) -> list[object]:
    parts: list[tuple[bool, bytes]] = [(False, b"220 a ESMTP\r\n")]
    for mail in mails:
        parts += [
            (True, b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n"),
            (False, b"250 ok\r\n250 ok\r\n354 go on\r\n"),
            (True, mail),
            (False, b"250 queued\r\n"),
        ]
    return conversation(*parts)


def test_subject_and_attachments() -> None:
    """A mail yields its subject, its program and the names of its attachments; its text is not read."""
    parsed = events(sent(MAIL))[1:]
    assert parsed == [
        ("SmtpMailbox", "MAIL", "FROM:<a@example.org>", 250),
        ("SmtpMailbox", "RCPT", "TO:<b@example.net>", 250),
        ("SmtpMail", "PW_admin/DESK-04", "Outlook16.0"),
        ("SmtpAttachment", "invoice.pdf.exe"),
    ]
    assert [each[0] for each in events(sent(MAIL, MAIL))].count("SmtpMail") == 2
    assert "hidden" not in repr(parsed)


@pytest.mark.parametrize(
    "field",
    [
        b'attachment;\r\n filename*0="invoice.pd";\r\n filename*1="f.exe"',
        b"attachment; filename*=UTF-8''invoice%2Epdf%2Eexe",
        b'attachment; filename="=?utf-8?Q?invoice.p?=\r\n =?utf-8?B?ZGYuZXhl?="',
        b"attachment;\r\n\tfilename\r\n = invoice.pdf.exe",
    ],
)
def test_names_of_attachments(field: bytes) -> None:
    """Names in several parts, with percent encoding and on folded lines are one name."""
    mail = b"Subject: a\r\n\r\n--x\r\nContent-Disposition: " + field + b"\r\n\r\nTVqQ\r\n.\r\n"
    assert events(sent(mail))[-1] == ("SmtpAttachment", "invoice.pdf.exe")


def test_one_direction() -> None:
    """Without packets of the server the mail is read, too."""
    stream, packet = Smtp().stream(Packet(dport=25)), Packet(proto=6, problem=Problem.ONE_SIDED)
    parsed = events(stream.feed(packet, b"EHLO a\r\nMAIL FROM:<a@example.org>\r\nDATA\r\n" + MAIL, True))
    assert [each[0] for each in parsed] == ["SmtpMail", "SmtpAttachment"]


def test_commands_without_answers_are_bounded() -> None:
    """A client that names mailboxes without end, and gets no answer, is not read any longer."""
    stream, packet = Smtp().stream(Packet(dport=25)), Packet(proto=6, problem=Problem.ONE_SIDED)
    assert events(stream.feed(packet, b"RCPT TO:<b@example.net>\r\n" * 2000, True)) == []
    assert stream.done


def test_long_mails_end_the_reading() -> None:
    """Only the beginning of a mail is read, so that large attachments cost nothing."""
    stream, packet = Smtp().stream(Packet()), Packet(proto=6)
    for from_client, data in ((False, b"220 a ESMTP\r\n"), (True, b"DATA\r\n"), (False, b"354 go\r\n")):
        assert list(stream.feed(packet, data, from_client)) is not None
    assert len(events(stream.feed(packet, b"Subject: a\r\n\r\n" + b"TVqQ\r\n" * 1500, True))) == 1
    assert stream.done


def test_mailboxes_and_their_answers() -> None:
    """Commands that name mailboxes are reported with the answer."""
    parsed = events(
        conversation(
            (False, b"220 a ESMTP\r\n"), (True, b"VRFY root\r\n"), (False, b"252 ok\r\n"), (True, b"EXPN all\r\n")
        )
    )
    assert parsed[1:] == [("SmtpMailbox", "VRFY", "root", 252)]


def test_logins_in_one_direction() -> None:
    """Without packets of the server each password is reported, and only its seal is stored; without those of the client
    failures that are about the password.
    """
    one_sided = Packet(proto=6, problem=Problem.ONE_SIDED)
    sent = b"EHLO a\r\nAUTH PLAIN AGJybwBvbmU=\r\nAUTH LOGIN\r\nYnJv\r\ndHdv\r\nQUIT\r\n"
    assert events(Smtp().stream(Packet(dport=587)).feed(one_sided, sent, True)) == [
        ("SmtpPassword", "bro", seal("bro", b"one"), seal("", b"one")),
        ("SmtpPassword", "bro", seal("bro", b"two"), seal("", b"two")),
    ]
    received = b"220 a ESMTP\r\n250 a\r\n535 5.7.8 no\r\n454 4.7.0 later\r\n"
    assert events(Smtp().stream(Packet(sport=587)).feed(one_sided, received, False))[1:] == [
        ("SmtpLogin", "", "", False, "")
    ]
