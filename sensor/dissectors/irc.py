"""Internet Relay Chat (RFC 1459, RFC 2812) over TCP on any port: who logs in, which channels it joins, and messages
that begin like commands.

Some botnets use IRC for command and control. Only messages and topics that begin with a command prefix are reported,
with their first words; other messages and passwords are not kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.lines import LineStream

STARTS = (b"NICK ", b"CAP LS", b"PASS ")
NAME_LIMIT, ORDER_LIMIT = 64, 96
LINES_LIMIT = 8  # of a connection without a login
TOPIC = b"332"
PRIVATE = (b"PRIVMSG", b"NOTICE", b"TOPIC", TOPIC)
# (prefix, command, parameters): RFC 2812, 2.3.1
_LINE = lazy_pattern(rb"(?::(\S{1,255})\s+)?([A-Z]{3,10}|\d{3})(?:\s+(.*))?\Z", re.DOTALL)
# A prefix and a word: "!udp", ".advscan", "@cmd"; or the report of a bot, "[SCAN]: …".
_ORDER = lazy_pattern(rb"[.!@$%&~`+*^-]{1,3}\s?[A-Za-z][\w.]{1,30}|\[[A-Za-z][\w ./|-]{1,24}\]\s?:?")


class IrcLogin(Event):
    """A client sets its nickname."""

    nick: str


class IrcJoin(Event):
    """A client joins a channel; ``key``: with its password."""

    channel: str
    key: bool


class IrcOrder(Event):
    """A message or topic that begins like a command. ``word``: the first word, ``text``: the first words; ``to``: a
    channel or a nick; ``from_client``: sent by this client, not to it.
    """

    to: str
    word: str
    text: str
    from_client: bool


class Irc(Dissector):
    """Connections that begin like a client."""

    interest = Interest(starts=STARTS, stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return IrcStream()


class IrcStream(LineStream):
    """One connection; ignored if the first lines have no login."""

    def __init__(self) -> None:
        super().__init__()
        self._lines, self._in = 0, False

    def line(self, packet: Packet, line: bytes, from_client: bool) -> Iterator[Parsed]:
        self._lines += 1
        found = _LINE.match(line.strip())
        if found is not None:
            command, rest = found[2], found[3] or b""
            if from_client and command == b"NICK":
                self._in = True
                yield IrcLogin(packet, clean(rest.lstrip(b":")[:NAME_LIMIT], NAME_LIMIT))
            elif from_client and command == b"JOIN" and self._in:
                channel, _, key = rest.partition(b" ")
                yield IrcJoin(packet, clean(channel[:NAME_LIMIT], NAME_LIMIT), bool(key.strip()))
            elif command in PRIVATE and self._in:
                yield from _order(packet, command, rest, from_client)
        self.done = not self._in and self._lines >= LINES_LIMIT


def _order(packet: Packet, command: bytes, rest: bytes, from_client: bool) -> Iterator[Parsed]:
    """A message or topic that begins like a command. In a topic reply, the first parameter is the client."""
    to, _, text = (rest.partition(b" ")[2] if command == TOPIC else rest).partition(b" ")
    text = text.lstrip().removeprefix(b":").lstrip()
    if _ORDER.match(text):
        word = text.split(None, 1)[0]
        yield IrcOrder(
            packet,
            clean(to[:NAME_LIMIT], NAME_LIMIT),
            clean(word[:NAME_LIMIT], NAME_LIMIT),
            clean(text[:ORDER_LIMIT], ORDER_LIMIT),
            from_client,
        )
