"""Commands for services that run them without a login, over TCP on any port: distcc (its protocol, version 1 to 3), the
Android Debug Bridge (AOSP, protocol.txt), Java's debugger (JDWP), Java RMI, WebLogic's T3, OpenWire, AJP 1.3, and DRb
of Ruby; rlogin (RFC 1282) and rsh, which trust the address of a client; and the backdoors of UnrealIRCd and of
Netcore's routers (over UDP).

Reads the user and command of a remote shell, the command line of a distributed compilation, the service that a debug
bridge is asked for, the names of classes in serialized objects, the method that a Ruby object is asked for, and the
attributes of a request over AJP that name a file of the server. Ignores answers and what follows the first messages.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean

HEAD = 4096  # bytes that are read of a client, or of a message of a bridge
TEXT_LIMIT = 512
CLASSES_LIMIT = 8
STARTS = {
    b"DIST0000": "distcc", b"JDWP-Han": "jdwp", b"CNXN": "adb", b"JRMI\0\x02": "rmi", b"t3 1": "t3",
    b"\0\0\0\x03\x04\x080": "drb",
}  # fmt: skip
IRC_PORTS, UNREALIRCD = tuple(range(6660, 6670)), b"AB;"
NETCORE, NETCORE_HEAD = 53413, b"AA\0\0AAAA"
# Remote shells by their ports, and the user at the server with what follows: a terminal with its speed, or a command.
SHELL_PORTS = {513: "rlogin", 514: "rsh"}
SHELLS = {
    "rlogin": lazy_pattern(rb"\0[^\0]{1,32}\0([\x21-\x7e]{1,32})\0([\w.-]{1,32}/\d{1,6})\0"),
    "rsh": lazy_pattern(rb"\d{0,5}\0[^\0]{1,32}\0([\x21-\x7e]{1,32})\0([^\0]{1,512})\0"),
}
HANDSHAKE = b"JDWP-Handshake"
AJP, AJP_VERSION = b"\x12\x34", b"\0\x08HT"  # a message of a web server (AJP 1.3), and the version in its request
WIRE_FORMAT = b"\x1f\0\0\0"  # an exception response of OpenWire, behind its size
# A message of the debug bridge: command, two arguments, size of the data, checksum, and the command inverted.
BRIDGE = struct.Struct("<4s8xI4x4s")
OPEN, OPEN_MAGIC = b"OPEN", b"\xb0\xaf\xba\xb1"
SINGLE = ("distcc", "jdwp", "drb", "unrealircd", "rlogin", "rsh")  # protocols with one command for each connection
_COUNT = lazy_pattern(rb"DIST[0-9a-f]{8}ARGC([0-9a-f]{8})")
_ARGUMENT = lazy_pattern(rb"ARGV([0-9a-f]{8})")
# A class or a text of a serialized object, behind its size: TC_CLASSDESC and TC_STRING of Java, a text of OpenWire.
_TEXT = lazy_pattern(rb"[rt\x01]\0([\x04-\xff])(?=[\x21-\x7e])")
# The name of a method, the second object of a call over DRb, behind its size: a Ruby string.
_METHOD = lazy_pattern(rb"\x04\x08I?\"[\x06-\x7f]([a-z_]{1,40}[?!]?)")
# An attribute of a request over AJP: code 10, name and value as texts behind their sizes.
_ATTRIBUTE = lazy_pattern(rb"\x0a\0.(javax\.servlet\.include\.[a-z_]{4,16})\0\0([\x01-\xff])", re.DOTALL)
_PLAIN = lazy_pattern(rb"[\x21-\x7e]+\Z")


class ServiceCommand(Event):
    """A request of a client. ``service``: ``distcc`` with a command line, ``adb`` with the name of a service, ``jdwp``
    with its handshake, ``rlogin`` and ``rsh`` with user and terminal or command, ``rmi``, ``t3`` and ``openwire`` with
    a class or URL, ``drb`` with a method, ``ajp`` with an attribute, one event for each; ``unrealircd`` and ``netcore``
    with a command for their backdoor; ``telnet`` with an option as user; ``ftp``, ``pop3``, ``imap``, ``smtp``,
    ``lpd``, ``rpc`` and ``dtspcd`` with a command and the kind of its odd argument; ``cups`` with the URI of an
    announced printer; ``postgres`` and ``mysql`` with a statement that runs programs, ``mongodb`` with the collection
    of an insertion, ``ldap`` with the URL from which a Java object of a server loads its classes.
    """

    service: str
    text: str


class ServiceCommands(Dissector):
    """The first messages of connections that begin like one of these protocols, and later openings of a bridge."""

    interest = Interest(
        tcp=(*IRC_PORTS, *SHELL_PORTS),
        udp=(NETCORE,),
        starts=tuple(STARTS),
        magic=((4, WIRE_FORMAT), (6, AJP_VERSION), (20, OPEN_MAGIC)),
        stream=True,
        opening=3,
    )

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if packet.dport == NETCORE and data.startswith(NETCORE_HEAD):
            yield ServiceCommand(packet, "netcore", clean(data[len(NETCORE_HEAD) :], TEXT_LIMIT))

    def stream(self, packet: Packet) -> Stream:
        return ServiceStream()


class ServiceStream(Stream):
    """One connection: what the client sent, or a bridge's incomplete message, and the number of reported texts."""

    def __init__(self) -> None:
        self._kept, self._service, self._reported = bytearray(), "", 0
        self._skip = 0  # bytes left of a message of a bridge that is not read

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if not from_client:
            return
        skipped, self._skip = self._skip, max(self._skip - len(data), 0)
        self._kept += data[skipped:]
        self._service = self._service or _service(self._kept) or SHELL_PORTS.get(packet.dport, "")
        if self._service == "adb":
            for text in self._opened():
                yield ServiceCommand(packet, "adb", text)
            return
        del self._kept[HEAD:]
        texts = _texts(self._service, bytes(self._kept))
        for text in texts[self._reported :]:
            yield ServiceCommand(packet, self._service, clean(text, TEXT_LIMIT))
        self._reported = len(texts)
        self.done = self._is_over()

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        if from_client:
            self._kept.clear()
            self._service, self._reported, self._skip = "", 0, 0
        return iter(())

    def _is_over(self) -> bool:
        if not self._service:
            return len(self._kept) >= BRIDGE.size
        return len(self._kept) >= HEAD or (self._service in SINGLE and self._reported > 0)

    def _opened(self) -> Iterator[str]:
        """The services in the messages of a bridge, which are removed: complete, or as much of them as is read."""
        while len(self._kept) >= BRIDGE.size:
            command, size, magic = BRIDGE.unpack_from(self._kept)
            if bytes(byte ^ 0xFF for byte in command) != magic:  # the middle of a message, after a gap
                self._kept.clear()
                return
            end = BRIDGE.size + size
            if command == OPEN:
                read = min(end, BRIDGE.size + HEAD)
                if len(self._kept) < read:
                    return
                yield clean(self._kept[BRIDGE.size : read].partition(b"\0")[0].decode("utf-8", "replace"), TEXT_LIMIT)
            self._skip = max(end - len(self._kept), 0)
            del self._kept[:end]


def _service(data: bytes | bytearray) -> str:
    """The protocol of the bytes of a client; empty if it is another one, or not decided yet."""
    if data[4:8] == WIRE_FORMAT:
        return "openwire"
    if data.startswith(AJP) and data[6:10] == AJP_VERSION:
        return "ajp"
    if data[20:24] == OPEN_MAGIC:
        return "adb"
    if data.startswith(UNREALIRCD):
        return "unrealircd"
    return next((service for start, service in STARTS.items() if data.startswith(start)), "")


def _texts(service: str, data: bytes) -> list[str]:
    """The complete commands, classes and URLs in the bytes of a client, in order."""
    if service == "distcc":
        return _command_line(data)
    if service == "jdwp":
        return ["handshake"] if data.startswith(HANDSHAKE) else []
    if service == "ajp":
        return _attributes(data)
    if service == "drb":
        return [clean(one[1]) for one in _METHOD.finditer(data)][:1]
    if service == "unrealircd":
        return [clean(data.partition(b"\n")[0], TEXT_LIMIT)] if b"\n" in data or len(data) >= HEAD else []
    if service in SHELLS:
        found = SHELLS[service].match(data)
        return [clean(b"USER " + found[1] + b" " + found[2], TEXT_LIMIT)] if found else []
    return _classes(data) if service else []


def _attributes(data: bytes) -> list[str]:
    """Names and values of the complete attributes for the inclusion of a file."""
    found = ((one[1], one.end(), one.end() + one[2][0]) for one in _ATTRIBUTE.finditer(data))
    return [clean(name + b" " + data[begin:end]) for name, begin, end in found if end <= len(data)][:CLASSES_LIMIT]


def _command_line(data: bytes) -> list[str]:
    """The command line of a compilation, if it is complete: arguments, each with its size in hexadecimal."""
    head = _COUNT.match(data)
    if head is None:
        return []
    words, at = list[str](), head.end()
    for _ in range(min(int(head[1], 16), HEAD)):
        found = _ARGUMENT.match(data, at)
        if found is None or (at := found.end() + int(found[1], 16)) > len(data):
            return []
        words.append(data[found.end() : at].decode("utf-8", "replace"))
    return [" ".join(words)]


def _classes(data: bytes) -> list[str]:
    """Names of classes, and URLs of code, in serialized objects."""
    ends = ((one.end(), one.end() + one[1][0]) for one in _TEXT.finditer(data))
    texts = (data[begin:end] for begin, end in ends if end <= len(data))
    found = dict.fromkeys(text.decode("ascii") for text in texts if _PLAIN.match(text) and b"." in text)
    return list(found)[:CLASSES_LIMIT]
