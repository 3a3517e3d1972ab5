"""Arguments that no client sends: filler, machine code and format strings, in four protocols; and ordinary ones."""

from __future__ import annotations

import pytest

from sensor.core.dissector import Dissector
from sensor.core.packet import Packet
from sensor.dissectors.ftp import Ftp
from sensor.dissectors.imap import Imap
from sensor.dissectors.pop3 import Pop3
from sensor.dissectors.shared.odd_arguments import oddness
from sensor.dissectors.smtp import Smtp
from tests.dissectors.samples import events

CODE = b"\x90" * 30 + bytes.fromhex("31c050682f2f7368682f62696e89e3505389e1b00bcd80") * 3
ARGUMENTS = {
    b"A" * 200: "overflow",
    b"x@" + b"\x90" * 16 + b"a" * 50: "machine code",
    b"a" * 60 + bytes(range(1, 9)) + bytes.fromhex("89e1b08fcd80"): "machine code",
    b"/" * 64: "overflow",
    CODE: "machine code",
    b"%8x%8x%236x%n": "format string",
    b"%.f%.f%.f%.f": "format string",
    b"%10$n": "format string",
    b"%8x%62716x%hn%hn": "format string",
}
ORDINARY = (
    b"", b"anna", b"A" * 63, b"-" * 200, b"=" * 200, b"%2f%2f%2f%2f%20", b"%d0%b5%d0%bd%d1%82",
    "\u6587\u4ef6".encode() * 40,
    b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." * 20, "\u00e4".encode("latin-1") * 30 + b"/report.pdf",
    b"/pub/" + b"sub folder/" * 30, b"\xff\xf4" * 3,
)  # fmt: skip


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_odd_arguments(argument: bytes) -> None:
    assert oddness(argument) == ARGUMENTS[argument]


@pytest.mark.parametrize("argument", ORDINARY)
def test_ordinary_arguments(argument: bytes) -> None:
    """Long names, names in other scripts, percent-encoding, tokens and drawn lines."""
    assert oddness(argument) == ""


CONVERSATIONS: dict[str, tuple[type[Dissector], bytes, bytes, bytes]] = {
    "ftp": (Ftp, b"220 FTP server\r\n", b"PASS ", b"PASS"),
    "pop3": (Pop3, b"+OK ready\r\n", b"PASS ", b"PASS"),
    "imap": (Imap, b"* OK ready\r\n", b"a1 LOGIN ", b"LOGIN"),
    "smtp": (Smtp, b"220 mail ESMTP\r\n", b"MAIL FROM:", b"MAIL"),
}


@pytest.mark.parametrize("protocol", CONVERSATIONS)
def test_a_command_is_reported_without_its_argument(protocol: str) -> None:
    """The kind is reported, the argument is not; an ordinary one is not reported."""
    unit, greeting, command, verb = CONVERSATIONS[protocol]
    packet = Packet(proto=6, sport=40000, dport=25)
    for argument, kind in ((b"A" * 300, "overflow"), (CODE, "machine code"), (b"secret", "")):
        stream = unit().stream(packet)
        list(stream.feed(packet, greeting, False))
        found = events(stream.feed(packet, command + argument + b"\r\n", True))
        assert [each for each in found if each[0] == "ServiceCommand"] == (
            [("ServiceCommand", protocol, f"{verb.decode()} {kind}")] if kind else []
        )


def test_encoded_logins_are_not_odd() -> None:
    """Zeros in a token of SASL become a row of the same letter."""
    packet = Packet(proto=6, sport=40000, dport=143)
    for unit, greeting, command in (
        (Imap, b"* OK x\r\n", b"a1 AUTHENTICATE NTLM "),
        (Pop3, b"+OK x\r\n", b"AUTH NTLM "),
    ):
        stream = unit().stream(packet)
        list(stream.feed(packet, greeting, False))
        assert events(stream.feed(packet, command + b"A" * 200 + b"\r\n", True)) == []
