"""FTP: greetings, logins with their result, and file transfers; passwords are never reported."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.batch import Problem
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.ftp import Ftp
from sensor.dissectors.shared.seal import seal
from tests.dissectors.samples import events, facts, packets, values


def conversation(*parts: tuple[bool, bytes]) -> list[object]:
    stream, packet = Ftp().stream(Packet(dport=21)), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


def session(number: int) -> list[object]:
    """The events and observations of one of the two connections of the capture."""
    port = (49170, 49171)[number]
    stream = Ftp().stream(Packet(dport=21))
    chosen = [packet for packet in packets("ftp") if port in (packet.sport, packet.dport)]
    return [parsed for packet in chosen for parsed in stream.feed(packet, packet.payload, packet.dport == 21)]


def test_logins_and_files() -> None:
    """A rejected login, an accepted one and file transfers are reported."""
    parsed = session(0)
    assert events(parsed) == [
        ("FtpBanner", "PRN-3F-EAST FTP server (KM FTPD version 1.00) ready."),
        ("FtpLogin", "admin", True, False, 530, seal("admin", b"wrong-secret")),
        ("FtpLogin", "anonymous", True, True, 230, seal("anonymous", b"guest@example.org")),
        ("FtpFile", "STOR", "report.pdf", "anonymous"),
        ("FtpFile", "RETR", "/config/address book.csv", "anonymous"),
    ]
    assert facts(parsed) == [
        ("02:00:5e:00:53:03", "10.20.30.41", "ftp.banner", "PRN-3F-EAST FTP server (KM FTPD version 1.00) ready."),
        ("02:00:5e:00:53:03", "10.20.30.41", "ftp.system", "UNIX Type: L8"),
    ]
    assert "secret" not in repr(events(parsed))
    assert "guest" not in repr(events(parsed))


def test_one_direction() -> None:
    """Without packets of the server each password is reported as an attempt, and only its seal is stored."""
    stream, packet = Ftp().stream(Packet(dport=21)), Packet(proto=6, problem=Problem.ONE_SIDED)
    assert events(stream.feed(packet, b"USER bro\r\nPASS one\r\nUSER bro\r\nPASS two\r\nPASS \r\n", True)) == [
        ("FtpPassword", "bro", seal("bro", b"one"), seal("", b"one")),
        ("FtpPassword", "bro", seal("bro", b"two"), seal("", b"two")),
    ]


def test_commands_that_need_a_login() -> None:
    """If the client continues with files, the server accepted the last password; a new password, or commands that need
    no login, show nothing.
    """
    stream, packet = Ftp().stream(Packet(dport=21)), Packet(proto=6, problem=Problem.ONE_SIDED)
    sent = b"USER bro\r\nPASS one\r\nSYST\r\nPASS two\r\nFEAT\r\nPWD\r\nRETR a\r\nQUIT\r\n"
    assert events(stream.feed(packet, sent, True))[2:] == [
        ("FtpEntered", "bro", seal("bro", b"two")),
        ("FtpFile", "RETR", "a", "bro"),
    ]
    whole = Ftp().stream(Packet(dport=21))
    assert events(whole.feed(Packet(proto=6), sent, True)) == [("FtpFile", "RETR", "a", "bro")]


def test_replies_only() -> None:
    """Without packets of the client, a reply that requests the password begins a login; its result is reported."""
    stream, packet = Ftp().stream(Packet(dport=21)), Packet(proto=6, problem=Problem.ONE_SIDED)
    replies = b"220 ftp ready\r\n331 password\r\n530 no\r\n331 password\r\n230 in\r\n550 no such file\r\n"
    assert events(stream.feed(packet, replies, False))[1:] == [
        ("FtpLogin", "", True, False, 530, ""),
        ("FtpLogin", "", True, True, 230, ""),
    ]
    stream, packet = Ftp().stream(Packet(dport=21)), Packet(proto=6)
    assert events(stream.feed(packet, replies, False))[1:] == []


def test_replies_about_connections() -> None:
    """A server that ends the connection or has too many clients gives no verdict on the password, nor does one that
    requests a login for another command.
    """
    full = b"530 Sorry, the maximum number of clients (5) for this user are connected."
    for reply in (b"421 Timeout.", full + b"\r\n530 Please login with USER and PASS."):
        stream, packet = Ftp().stream(Packet(dport=21)), Packet(proto=6)
        for from_client, data in (
            (False, b"220 ftp ready\r\n530 Please login with USER and PASS.\r\n"),
            (True, b"USER bro\r\nPASS one\r\n"),
            (False, b"331 password\r\n" + reply + b"\r\n"),
        ):
            found = events(stream.feed(packet, data, from_client))
            assert [one[0] for one in found if one[0] == "FtpLogin"] == []


def test_greeting_of_several_lines() -> None:
    """All lines of a greeting are one text; nothing is parsed after TLS starts."""
    parsed = session(1)
    assert values(parsed) == [
        (
            "ftp.banner",
            (
                "--------- Welcome to Pure-FTPd [privsep] ---------- You are user number 1 of 50 allowed. IPv6 "
                "connections are also welcome."
            ),
        ),
    ]
    stream, packet = Ftp().stream(Packet(dport=21)), Packet(proto=6)
    list(stream.feed(packet, b"220 ready\r\n234 go on\r\n\x16\x03\x01\n", False))
    assert stream.done


def test_login_without_password() -> None:
    """Some servers accept a user without a password."""
    assert events(conversation((False, b"220 a\r\n"), (True, b"USER root\r\n"), (False, b"230 in\r\n")))[1:] == [
        ("FtpLogin", "root", False, True, 230, "")
    ]


def test_passwords_in_other_commands() -> None:
    """A password set by a SITE command is not reported."""
    assert events(conversation((False, b"220 a\r\n"), (True, b"SITE PASSWD s3cret\r\nSITE CHMOD 777 x\r\n")))[1:] == [
        ("FtpFile", "SITE", "CHMOD 777 x", "")
    ]


@pytest.mark.parametrize(
    ("command", "target"),
    [
        (b"PORT 10,0,0,20,0,25", ("10.0.0.20", 25)),
        (b"port 10,0,0,20,4,1", ("10.0.0.20", 1025)),
        (b"EPRT |1|10.0.0.20|22|", ("10.0.0.20", 22)),
        (b"EPRT |2|2001:db8::20|80|", ("2001:db8::20", 80)),
        (b"PORT 10,0,0,66,195,80", None),
        (b"EPRT |1|10.0.0.66|50000|", None),
        (b"PORT 0,0,0,0,0,25", None),
        (b"PORT 300,0,0,1,0,25", None),
        (b"PORT 10,0,0,20", None),
        (b"EPRT |1|:::|22|", None),
    ],
)
def test_data_connections_to_other_hosts(command: bytes, target: tuple[str, int] | None) -> None:
    """A host that is not the client is reported with its port; the client itself and invalid arguments are not."""
    stream, packet = Ftp().stream(Packet(dport=21)), Packet(proto=6, src=parse("10.0.0.66"))
    parsed = events(stream.feed(packet, b"NOOP\r\n" + command + b"\r\n", True))
    assert parsed == ([("FtpDataTarget", parse(target[0]), target[1])] if target else [])


def test_gap_forgets_the_login() -> None:
    """If the answer to a login is missing, the next answer is not used for it; parsing resumes with the next line."""
    stream, packet = Ftp().stream(Packet(dport=21)), Packet(proto=6)
    list(stream.feed(packet, b"220 a\r\n", False))
    list(stream.feed(packet, b"USER a\r\nPASS b\r\n", True))
    list(stream.gap(packet, 20, False))
    assert list(stream.feed(packet, b"rest of a line\r\n230 in\r\n", False)) == []


def test_gap_before_the_password() -> None:
    """If the answer to the user name is missing, as in captures with a snapshot length, that to the password counts."""
    stream, packet = Ftp().stream(Packet(dport=21)), Packet(proto=6)
    list(stream.feed(packet, b"220 a\r\n", False))
    list(stream.feed(packet, b"USER a\r\n", True))
    list(stream.gap(packet, 33, False))
    list(stream.feed(packet, b"PASS b\r\n", True))
    assert events(stream.feed(packet, b"530 no\r\n", False)) == [("FtpLogin", "a", True, False, 530, seal("a", b"b"))]


@pytest.mark.parametrize(
    ("from_client", "start"), [(False, b"SSH-2.0-OpenSSH\r\n"), (True, b"GET / HTTP/1.1\r\n"), (False, b"600 odd\r\n")]
)
def test_other_protocols(from_client: bool, start: bytes) -> None:
    """A connection that does not begin with an FTP reply or command is malformed."""
    with pytest.raises(Malformed):
        conversation((from_client, start))


@pytest.mark.parametrize(("answer", "done"), [(b"250 mx", True), (b"250-mx\r\n250 SIZE 1", True), (b"500 what", False)])
def test_mail_is_not_read(answer: bytes, done: bool) -> None:
    """A mail server greets as an FTP server does. The stream ends when the server accepts the greeting of a mail
    client; an FTP server rejects it, so that it hides no login.
    """
    stream, packet = Ftp().stream(Packet(dport=25)), Packet(proto=6)
    for from_client, data in ((False, b"220 mx\r\n"), (True, b"EHLO a\r\n"), (False, answer + b"\r\n")):
        list(stream.feed(packet, data, from_client))
    assert stream.done is done


def test_long_lines_are_cut() -> None:
    """An endless line is reported by its beginning and uses at most one kilobyte of memory."""
    parsed = conversation((False, b"220 " + b"a" * 100_000), (False, b"\r\n"))
    assert values(parsed) == [("ftp.banner", "a" * 512)]


@pytest.mark.parametrize(
    ("user", "odd"), [("letmein:)", True), ("A" * 120, True), ("anna@example.com", False), ("CORP\\anna", False)]
)
def test_user_names_of_no_account(user: str, odd: bool) -> None:
    """Names with other characters than those of accounts, or longer, are reported before the answer."""
    found = events(conversation((False, b"220 FTP\r\n"), (True, b"USER %b\r\n" % user.encode())))
    assert (("FtpUser", user) in found) is odd
