"""Services on non-standard ports, recognized by the greeting of the server or by the first message of the client: each
is detected by its own dissector only.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from pcaps.dissectors import dicom, ldap, postgres, tds
from sensor.boundary import Boundary
from sensor.core.dissector import Dissector, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packets
from sensor.core.recent import RecentSet
from sensor.decode.flows import FlowTable
from sensor.decode.kernels import Kernels
from sensor.decode.select import Selector
from sensor.dissectors.dicom import Dicom, DicomAssociation, DicomResult
from sensor.dissectors.ftp import Ftp, FtpBanner, FtpLogin
from sensor.dissectors.imap import Imap, ImapBanner, ImapLogin
from sensor.dissectors.ldap import Ldap, LdapBind, LdapBindResult, LdapSearch
from sensor.dissectors.pop3 import Pop3, Pop3Banner, Pop3Login
from sensor.dissectors.postgres import Postgres, PostgresLogin
from sensor.dissectors.smtp import Smtp, SmtpBanner, SmtpLogin
from sensor.dissectors.tds import Tds, TdsLogin, TdsServer
from sensor.dissectors.telnet import Telnet, TelnetLogin
from sensor.engine.dissection import Dissection
from tests.kit import batch_of, tcp_frame

CLIENT, SERVER, PORT = "10.0.0.1", "10.0.0.2", 12345
DISSECTORS: dict[str, Dissector] = {
    "ftp": Ftp(), "smtp": Smtp(), "pop3": Pop3(), "imap": Imap(), "telnet": Telnet(), "tds": Tds(),
    "postgres": Postgres(), "dicom": Dicom(), "ldap": Ldap(),
}  # fmt: skip
ASK = b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x27"

FTP = [b"<220 (vsFTPd 3.0.3)\r\n", b">USER admin\r\n", b"<331 password\r\n", b">PASS 1234\r\n", b"<230 in\r\n"]
SMTP = [
    b"<220 mx ESMTP Postfix\r\n", b">EHLO a\r\n", b"<250 AUTH PLAIN\r\n", b">AUTH PLAIN AGEAYg==\r\n", b"<235 in\r\n",
]  # fmt: skip
POP3 = [b"<+OK ready\r\n", b">USER a\r\n", b"<+OK\r\n", b">PASS b\r\n", b"<+OK in\r\n"]
IMAP = [b"<* OK ready\r\n", b">1 LOGIN a b\r\n", b"<1 OK in\r\n"]
TELNET = [b"<" + ASK, b"<login: ", b">admin\r\n", b"<Password: ", b">admin\r\n", b"<\r\nWelcome\r\n# "]
# The first message of FreeTDS 1.3 (tsql).
OPTIONS = bytes.fromhex(
    "1201003a00000000 00001a0006 0100200001 020021000c 03002d0004 0400310001 ff"
    "090000000000 00 4d5353514c53657276657200 c4730000 00"
)
TDS = [
    b">" + OPTIONS, b"<" + tds.message(4, tds.options(2)), b">" + tds.login("sa", "1234"),
    b"<" + tds.FAILED,
]  # fmt: skip
POSTGRES = [
    b">" + postgres.start(b"a"), b"<" + postgres.authentication_request(3), b">" + postgres.message(b"p", b"b\0"),
    b"<" + postgres.READY,
]  # fmt: skip
# As Java's JNDI begins: an anonymous bind, and a search for one entry.
LDAP = [
    b">" + ldap.bind(1, b"", b""), b"<" + ldap.result(1, 0x61, 0),
    b">" + ldap.search(2, b"o=a", 0, ldap.der(0x87, b"objectClass")),
]  # fmt: skip
DICOM = [b">" + dicom.REQUEST, b"<" + dicom.ACCEPT]


def frames(conversation: Iterable[bytes]) -> list[bytes]:
    """A connection with its handshake; lines that begin with ``>`` are sent by the client."""
    sent = {CLIENT: 1000, SERVER: 5000}
    found = [
        tcp_frame(CLIENT, SERVER, dport=PORT, flags=0x02, seq=999),
        tcp_frame(SERVER, CLIENT, sport=PORT, dport=40000, flags=0x12, seq=4999),
    ]
    for line in conversation:
        ours, text = line.startswith(b">"), line[1:]
        src, dst = (CLIENT, SERVER) if ours else (SERVER, CLIENT)
        sport, dport = (40000, PORT) if ours else (PORT, 40000)
        found.append(tcp_frame(src, dst, text, sport=sport, dport=dport, seq=sent[src]))
        sent[src] += len(text)
    return found


def events(conversation: Iterable[bytes]) -> list[type[Event]]:
    """The events of all dissectors for a connection on an unassigned port."""
    found: list[type[Event]] = []

    def take(parsed: Iterable[Parsed]) -> None:
        found.extend(type(one) for one in parsed if isinstance(one, Event))

    kernels = Kernels(FlowTable(10), Selector([one.interest for one in DISSECTORS.values()], RecentSet(8)))
    boundary = Boundary()
    dissection = Dissection(DISSECTORS, boundary, kernels.unfollow, take)
    batch = batch_of(frames(conversation))
    work = kernels.run(batch.data, batch.rows)
    packets = Packets(batch.data, batch.rows)
    for row, wanted in zip(work.chosen.tolist(), work.wanted.tolist(), strict=True):
        dissection.row(packets, row, wanted)
    for flow in dict.fromkeys(batch.rows["flow"].tolist()):
        dissection.end(flow)
    assert not list(boundary.malformed.items())
    return found


@pytest.mark.parametrize(
    ("conversation", "expected"),
    [
        (FTP, [FtpBanner, FtpLogin]),
        (SMTP, [SmtpBanner, SmtpLogin]),
        (POP3, [Pop3Banner, Pop3Login]),
        (IMAP, [ImapBanner, ImapLogin]),
        (TELNET, [TelnetLogin]),
        (TDS, [TdsServer, TdsLogin]),
        (POSTGRES, [PostgresLogin]),
        (DICOM, [DicomAssociation, DicomResult]),
        (LDAP, [LdapBind, LdapBindResult, LdapSearch]),
    ],
    ids=list(DISSECTORS),
)
def test_logins_on_other_ports(conversation: list[bytes], expected: list[type[Event]]) -> None:
    """Greeting and login are reported by the right dissector only."""
    assert events(conversation) == expected


def test_a_greeting_that_names_no_protocol_is_no_banner() -> None:
    """FTP and SMTP greetings look alike: without the protocol's name only a login identifies it."""
    assert events([b"<220 welcome\r\n"]) == []
    assert events([b"<220 welcome\r\n", *FTP[1:]]) == [FtpLogin]


def test_another_protocol_is_left_alone() -> None:
    """Lines that only look like a greeting yield nothing."""
    assert events([b"<220V mains\r\n", b"<+OKAY then\r\n", b">* OKAY\r\n", b"<\xff\xd8\xff\xe0JFIF\r\n"]) == []


@pytest.mark.parametrize(
    "message",
    [
        b"\x10\0\0\x10\0\0\1\0\0\0\x1a\0" + bytes(200),
        b"\0\0\0\x04\0\3\0\0" + bytes(200),
        b"\1\0\0\0\0\x20\0\2" + bytes(200),
        b"\1\0\2\1\1\x60" + bytes(200),
    ],
    ids=["tds", "postgres", "dicom", "ldap"],
)
def test_first_bytes_of_another_protocol(message: bytes) -> None:
    """A message that only begins like one of a database or an archive yields nothing and is not malformed."""
    assert events([b">" + message, b"<" + message, b">" + message]) == []
