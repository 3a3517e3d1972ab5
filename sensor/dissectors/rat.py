"""Remote-access trojans over TCP, and remote shells over TCP and UDP, on any port, by the characteristic beginning of
their messages. There is no standard; signatures are from published analyses.

Reads the first messages of each direction: njRAT, Gh0st, XtremeRAT, Spy-Net and CyberGate, DarkComet, Remcos, NetWire,
NetBus, SubSeven, RedLine (over [MC-NMF]), Gafgyt, Mirai (its hello and the pings behind it), the stage that Metasploit
sends to its stagers, the banners of command shells, and text protocols that request screens and cameras. Sessions that
are encrypted from the first byte are not detected here but by their certificates (``tls``). Data that the operator
exfiltrates is not stored; of a message only the first word is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sensor.core.bounded import Bounded
from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.named_tables import NamedTables
from sensor.core.packet import Packet
from sensor.core.reader import clean

HEAD = 128
NAME_LIMIT = 40
FAMILIES_LIMIT = 2
FLOWS_LIMIT = 1024
LISTENER = 4444  # usual port of listeners for shells; datagrams of other ports are selected by their first bytes
SHELL = "command shell"
TYPED = "commands for a shell"  # what an operator types first; the shell is at the other end


class _Shape(NamedTuple):
    """The beginning of a family's messages."""

    family: str
    pattern: re.Pattern[bytes]


def _shape(family: str, pattern: bytes) -> _Shape:
    return _Shape(family, lazy_pattern(pattern, re.DOTALL))


SHAPES = (
    _shape("njRAT", rb"(?:\d{1,7}\0)?(?:ll|lv|inf|act|CAP|PLG|MSG|rn|kl|un|prof|inv|ret|FM|CM|proc|srv|RG)\|'\|'\|"),
    _shape("Gh0st", rb"[\x20-\x7e]{5}(?:..\0\0){2}\x78\x9c"),
    _shape("XtremeRAT", rb"myversion\|\d\.\d"),
    _shape("Spy-Net or CyberGate", rb"(?:maininfo|configurar|mainversion|getmaininfo)\|"),
    _shape("DarkComet", rb"(?:8EA4AB05FA7E|BF7CAB464EFB|155CAD31A61F)"),
    _shape("Remcos", rb"\x24\x04\xff\x00.{4}|\[DataStart\].{4}"),
    _shape("NetWire", rb"\x41\0\0\0(?:\x99|\x03).{32}"),
    _shape("NetBus", rb"NetBus \d\.\d\d? ?\r|BN[\x10 ]\0\x02\0"),
    _shape("SubSeven", rb"connected\. (?:time/date: )?[\x20-\x7e]{10,60}, version: "),
    _shape("RedLine", (
        rb"\0\x01\0\x01\x02\x02.net\.tcp://.{8,90}tempuri\.org/(?:Entity/Id\d|Contract/MSValue\d|IRemotePanel/)"
    )),
    _shape("Metasploit stage", rb"(?:.{2}[\x01-\x20]\0)?MZ(?:\xe8\0\0\0\0\[|ARUH\x89\xe5)"),  # with or without its size
    _shape("a trojan with commands in Turkish", rb"(?:ANABILGI(?:GETIR)?\||BAGLIMI\?|CAPSCREEN)"),
    _shape("a trojan that sends screens", rb"(?:[A-Z]{4,16}|[a-z]{4,16})\|[\x20-\x7e]{0,80}\xff\xd8\xff\xe0\0\x10JFIF"),
    _shape("Gafgyt", (
        rb"(?:[A-Z ]{4,10}\r?\n){0,8}!\* ?(?:SCANNER|UDP|TCP|HTTP|HOLD|JUNK|STD|VSE|STOMP|HEX|CNC|PHONE|KILLATTK|"
        rb"GETLOCALIP|LOLNOGTFO|SH)\b"
    )),
    _shape("Gafgyt", rb"BUILD [A-Z][A-Z0-9_]{1,11}(?::[\w.:-]{0,40})?\r?\n"),
    _shape("Mirai", rb"\0\0\0\x01(?:\0|[\x01-\x20][\w.:-]{1,32})(?:\0\0){2,}\Z"),
    _shape(SHELL, (
        rb"(?:\r?\n)?Microsoft Windows (?:XP |2000 )?\[Version \d[\d.]+\]|Windows PowerShell(?: running "
        rb"as user|\r?\nCopyright)"
    )),
    _shape(SHELL, (
        rb"(?:/bin/)?(?:ba|da)?sh: (?:\d: )?(?:no job control|cannot set terminal|can't access tty)|"
        rb"(?:\r?\n){0,3}BusyBox v\d[\d.]+ \([^)\r\n]{1,60}\) built-in shell|"
        rb"(?:[$#] |/ # )?(?:uid=\d+\([\w-]+\) gid=|(?<= )(?:root|www-data)\r?\n[$#] )|"
        rb"(?:root|www-data)@[\w.-]{1,64}:[/~][^\r\n#$]{0,80}[#$] |sh-\d\.\d[#$] |"
        rb"PS [A-Z]:\\[^<>|\r\n]{0,120}> "
    )),
    _shape(TYPED, (
        rb"(?:id\r?\n)?(?:whoami|uname -a|ifconfig|ipconfig(?: /all)?|ls -la|cat /etc/(?:passwd|shadow|issue)|"
        rb"systeminfo|tasklist|net user[^\r\n]{0,60}|"
        rb"python3? -c ['\"]import pty\b.{0,80})\r?\n|"
        rb"id\r?\n(?:hostname|pwd|ls -l)\r?\n"
    )),
)  # fmt: skip
SHELLS = tuple(shape for shape in SHAPES if shape.family in (SHELL, TYPED))
# First bytes to look for, and those that follow a length.
STARTS = (
    b"lv|'|'|", b"ll|'|'|", b"inf|'|'|", b"myversio", b"maininfo", b"configur", b"mainvers", b"getmaini", b"8EA4AB05",
    b"BF7CAB46", b"155CAD31", b"[DataSta", b"\x24\x04\xff\0", b"\x41\0\0\0\x99", b"\x41\0\0\0\x03", b"ANABILGI",
    b"\0\x01\0\x01\x02\x02", b"BAGLIMI?", b"CAPSCREE", b"Microsof", b"\r\nMicros", b"Windows ", b"bash: no", b"BUILD ",
    *(b"!* " + bytes([letter]) for letter in b"SUTHJVCPKGL"), b"bash: ca", b"sh: no j", b"sh: cann", b"/bin/sh:",
    b"/bin/bas", b"uid=0(ro", b"uid=33(w", b"uid=1000",
    b"\0\0\0\x01", b"root@", b"whoami\n", b"whoami\r\n", b"uname -a", b"ifconfig", b"ipconfig", b"ls -la\n",
    b"cat /etc", b"python -", b"python3 ", b"www-data", b"sh-4.", b"sh-5.", b"PS C:\\", b"systemin", b"tasklist",
    b"net user", *(b"id\n" + word for word in (b"whoam", b"uname", b"hostn", b"pwd\n", b"ifcon", b"ls -l", b"cat /")),
    *(prompt + b" " + word for prompt in (b"$", b"#", b"/ #") for word in (b"uid=", b"root", b"www-")),
    b"NetBus 1", b"NetBus 2", b"BN\x10\0\x02\0", b"BN \0\x02\0", b"connecte",
    b"BusyBox ", b"\r\nBusyB", b"\n\nBusyB", b"sh: can'", b"/bin/ash", b"MZ\xe8\0\0\0\0[", b"MZARUH\x89\xe5",
)  # fmt: skip
MAGIC = (
    *((offset, b"ll|'") for offset in (2, 3, 4, 5)),
    *((offset, b"lv|'") for offset in (3, 4)),
    *((offset, b"inf|") for offset in (3, 4)),
    (11, b"\0\0\x78\x9c"),
    (4, b"MZ\xe8\0"),
    (4, b"MZAR"),
)


# Conferencing systems (Polycom) answer whoami with a list of fields, a shell with the name of a user.
WHO, _FIELD = "whoami", lazy_pattern(rb"\s*[A-Z][\w ,]{1,40}: ")


class RatMessage(Event):
    """A message of a trojan or a remote shell. ``family``: of its protocol; ``word``: the first word; ``from_client``:
    the side that opened the flow.
    """

    family: str
    word: str
    from_client: bool


class _Shell(NamedTuple):
    """A shell over UDP: the first datagram like one of a shell, and whether the other side sent commands."""

    message: RatMessage | None = None
    typed: bool = False


class Rat(Dissector):
    """TCP flows that begin like one of ``SHAPES``, of which later data is not read, and datagrams like ``SHELLS``."""

    interest = Interest(udp=(LISTENER,), starts=STARTS, magic=MAGIC, stream=True, opening=1)

    def __init__(self) -> None:
        self.tables = tables = NamedTables()
        # flow, and whether the shell would be its client
        self._shells: Bounded[tuple[int, bool], _Shell] = tables.add("shells", Bounded(FLOWS_LIMIT))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        """A shell is reported once both sides sent what they typically do."""
        head = bytes(packet.payload[:HEAD])
        shape, found = next(((one, match) for one in SHELLS if (match := one.pattern.match(head))), (None, None))
        if shape is None or found is None:
            return
        typed, from_client = shape.family == TYPED, not packet.direction
        key = (packet.flow, from_client != typed)
        before = self._shells.get(key) or _Shell()
        after = before._replace(typed=True) if typed else before
        if not typed and before.message is None:
            message = RatMessage(packet, SHELL, _word(found[0]), from_client)
            after = before._replace(message=message)
        self._shells.put(key, after)
        if after != before and after.typed and after.message is not None:
            yield after.message

    def stream(self, packet: Packet) -> Stream:
        return RatStream()


class RatStream(Stream):
    """The beginning of each direction, and after a gap the bytes that follow it; a family is reported once.

    A shell is reported only if the other side sends commands, or answers them: data that flows one way only is a file
    that resembles one, as in an FTP data connection.
    """

    def __init__(self) -> None:
        self._heads = (bytearray(), bytearray())
        self._reported: set[str] = set()
        self._shell: RatMessage | None = None
        self._typed: tuple[str, bool] | None = None  # the first command of an operator, and its side

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if self._typed is not None and self._typed[1] != from_client:
            if self._typed[0] != WHO or not _FIELD.match(data):
                yield RatMessage(packet, SHELL, self._typed[0], from_client)
            self._typed = None
        if self._shell is not None and self._shell.from_client != from_client:
            yield self._shell
            self._shell = None
        head = self._heads[not from_client]
        if len(head) >= HEAD:
            return
        head += data[: HEAD - len(head)]
        for shape in SHAPES:
            found = shape.pattern.match(head)
            if found and shape.family not in self._reported:
                self._reported.add(shape.family)
                message = RatMessage(packet, shape.family, _word(found[0]), from_client)
                if shape.family == TYPED:
                    self._typed = message.word, from_client
                elif shape.family == SHELL and not self._heads[from_client]:
                    self._shell = message
                else:
                    yield message
                break
        self.done = (self._shell or self._typed) is None and (
            len(self._reported) >= FAMILIES_LIMIT or all(len(each) >= HEAD for each in self._heads)
        )

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self._heads[not from_client].clear()
        return iter(())


def _word(begin: bytes) -> str:
    """The first word, for analysts; empty if the message is binary."""
    word = re.match(rb"[\x20-\x7b\x7d-\x7e]{1,40}", begin)
    return clean(word[0], NAME_LIMIT) if word else ""
