"""TFTP requests over UDP (RFC 1350, options of RFC 2347): files that a host reads or writes. Phones and switches
identify themselves by the requested files.

The file name is a fact about the client. Ignores data, acknowledgements and errors, which use other ports.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.sender_facts import fact

PORT = 69
READ, WRITE = b"\0\1", b"\0\2"
LATER = (b"\0\3", b"\0\4", b"\0\5", b"\0\6")  # data, acknowledgement, error, acknowledged options
MODES = (b"octet", b"netascii", b"mail", b"binary")
NAME_LIMIT = 512
MODE_LIMIT = 16
OPTIONS_LIMIT = 16


class TftpRead(Event):
    """``options``: names of the requested options, in lower case."""

    file: str
    mode: str
    options: tuple[str, ...]


class TftpWrite(TftpRead):
    """A request to write a file: a switch that saves its configuration, or an attacker who plants one."""


class Tftp(Dissector):
    """Requests are repeated until they are answered: identical ones are dropped for ten seconds."""

    interest = Interest(udp=(PORT,), repeats_s=10)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if data[:2] not in (READ, WRITE):
            # A server may keep using the port.
            if packet.truncated or packet.dport != PORT or data[:2] in LATER:
                return iter(())
            raise Malformed("no request")
        cut = packet.truncated
        name, *rest = data[2:].split(b"\0", 2 + 2 * OPTIONS_LIMIT)
        if len(rest) < 2 or not 0 < len(name) <= NAME_LIMIT or rest[0].lower() not in MODES:
            if cut:
                return iter(())
            raise Malformed("no file name and mode")
        return iter(_request(packet, data[:2] == WRITE, name, rest[0], rest[1:-1]))


def _request(packet: Packet, write: bool, name: bytes, mode: bytes, options: list[bytes]) -> list[Parsed]:
    """The event, and the file as a fact about the client."""
    file = clean(name, NAME_LIMIT)
    names = tuple(clean(option, MODE_LIMIT).lower() for option in options[::2] if option)
    event = (TftpWrite if write else TftpRead)(packet, file, clean(mode, MODE_LIMIT).lower(), names)
    if write or not file:
        return [event]
    return [
        event,
        fact(packet, "tftp.file", file),
    ]
