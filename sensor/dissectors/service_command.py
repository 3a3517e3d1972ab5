"""Commands for services that run them without a login, over TCP on any port: distcc (its protocol, version 1 to 3), the
Android Debug Bridge (AOSP, protocol.txt), Java's debugger (JDWP), Java RMI, WebLogic's T3 and OpenWire.

Reads the command line of a distributed compilation, the service that a debug bridge is asked for, and the names of
classes in serialized objects. Ignores answers and what follows the first messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import clean

HEAD = 4096  # bytes that are read of a client
TEXT_LIMIT = 512
CLASSES_LIMIT = 8
BRIDGE_HEAD = 24  # size of a message header of the debug bridge
STARTS = (b"DIST0000", b"JDWP-Han", b"CNXN", b"JRMI\0\x02", b"t3 1")
OPEN_MAGIC = b"\xb0\xaf\xba\xb1"  # ends the header of OPEN: its name, inverted
SINGLE = ("distcc", "jdwp")  # protocols with one command for each connection
MAGIC = ((4, b"\x1f\0\0\0"), (20, OPEN_MAGIC))
_ARGUMENT = re.compile(rb"ARGV([0-9a-f]{8})")
# A class or a text of a serialized object, behind its size: TC_CLASSDESC and TC_STRING of Java, a text of OpenWire.
_TEXT = re.compile(rb"[rt\x01]\0([\x04-\xff])(?=[\x21-\x7e])")
_PLAIN = re.compile(rb"[\x21-\x7e]+\Z")


class ServiceCommand(Event):
    """A request of a client. ``service``: ``distcc`` with a command line, ``adb`` with the name of a service, ``jdwp``
    with its handshake, ``rmi``, ``t3`` and ``openwire`` with the classes and URLs in it.
    """

    service: str
    text: str


class ServiceCommands(Dissector):
    """The first messages of connections that begin like one of these protocols, and later openings of a bridge."""

    interest = Interest(starts=STARTS, magic=MAGIC, stream=True, opening=3)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return ServiceStream()


class ServiceStream(Stream):
    """One connection: what the client sent so far, and the last command."""

    def __init__(self) -> None:
        self._kept, self._last = bytearray(), ("", "")

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if not from_client:
            return
        self._kept += data[: HEAD - len(self._kept)]
        service, text = _command(bytes(self._kept))
        if "adb" in (service, self._last[0]):
            service = "adb"
            self._kept.clear()  # each message of a bridge has a segment of its own
        if text and (service, text) != self._last:
            yield ServiceCommand(packet, service, clean(text, TEXT_LIMIT))
        self._last = service, text or self._last[1]
        self.done = not service or len(self._kept) >= HEAD or (service in SINGLE and bool(text))

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        if from_client:
            self._kept.clear()
        return iter(())


def _command(data: bytes) -> tuple[str, str]:
    """(service, command) of the bytes of a client; the service is empty for another protocol, the command until it is
    complete.
    """
    if data.startswith(b"DIST"):
        return "distcc", _arguments(data)
    if data.startswith(b"JDWP"):
        return "jdwp", "handshake" if data.startswith(b"JDWP-Handshake") else ""
    if data[20:BRIDGE_HEAD] == OPEN_MAGIC:
        return "adb", data[BRIDGE_HEAD:].partition(b"\0")[0].decode("utf-8", "replace")
    for start, service in ((b"CNXN", "adb"), (b"JRMI", "rmi"), (b"t3 1", "t3")):
        if data.startswith(start):
            return service, "" if service == "adb" else _classes(data)
    return ("openwire", _classes(data)) if data[4:8] == b"\x1f\0\0\0" else ("", "")


def _arguments(data: bytes) -> str:
    """The command line of a compilation: arguments, each with its length in hexadecimal."""
    words = (data[one.end() : one.end() + int(one[1], 16)] for one in _ARGUMENT.finditer(data))
    return " ".join(word.decode("utf-8", "replace") for word in words)


def _classes(data: bytes) -> str:
    """Names of classes, and URLs of code, in serialized objects."""
    texts = (data[one.end() : one.end() + one[1][0]] for one in _TEXT.finditer(data))
    found = dict.fromkeys(text.decode("ascii") for text in texts if _PLAIN.match(text) and b"." in text)
    return " ".join(list(found)[:CLASSES_LIMIT])
