"""Files over FTP (RFC 959, RFC 2428): the control connection has their names and the ports of their data
connections.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sensor.core.addresses import Address
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.observation import Subject
from sensor.core.packet import Packet
from sensor.records.files.body import Body, Budget
from sensor.records.files.conversation import BytesSource, Conversation
from sensor.records.files.lines import Lines
from sensor.records.files.seen import Emit, State

SERVICE = "ftp"
FILES = frozenset((b"RETR", b"STOR", b"STOU", b"APPE"))
LISTS = frozenset((b"LIST", b"NLST", b"MLSD"))
# Addresses and ports in the replies 227 and 229, and in the commands PORT and EPRT.
_SIX = lazy_pattern(rb"(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})")
_EXTENDED = lazy_pattern(rb"\((.)\1\1(\d{1,5})\1\)")
_EPRT = lazy_pattern(rb"EPRT (.)[12]\1[^ ]{2,39}\1(\d{1,5})\1", re.IGNORECASE)

Await = Callable[[Address, int, "FtpControl"], None]


class FtpControl(Conversation):
    """``verb`` and ``name``: of the last transfer command; ``offset``: whether the transfer starts within the file;
    ``client``: the client's address.
    """

    def __init__(self, emit: Emit, budget: Budget, awaits: Await) -> None:
        """``awaits``: called with the address and port of an expected data connection."""
        super().__init__(emit, budget)
        self.verb, self.name, self.offset = b"", b"", False
        self.client: Address = 0
        self._awaits, self._lines = awaits, (Lines(), Lines())

    def feed(self, way: int, data: bytes, place: BytesSource) -> None:
        for line in self._lines[way].take(data):
            if way == 0:
                self._command(line, place)
            elif line[:4] in {b"227 ", b"229 "}:
                self._reply(line, place)

    def _command(self, line: bytes, place: BytesSource) -> None:
        verb, _, rest = line.partition(b" ")
        verb = verb.upper()
        if verb in FILES or verb in LISTS:
            self.verb, self.name = verb, rest.strip()
        elif verb == b"REST":
            self.offset = rest.strip() not in {b"", b"0"}
        elif verb in {b"PORT", b"EPRT"}:
            packet = place.packet()
            found = _EPRT.match(line) if verb == b"EPRT" else _SIX.search(rest)
            if found is not None:
                self._expect(packet.src, packet.src, _port(found.groups()))
        elif verb == b"AUTH":
            self.over = True

    def _reply(self, line: bytes, place: BytesSource) -> None:
        packet = place.packet()
        found = _EXTENDED.search(line) if line[:3] == b"229" else _SIX.search(line[3:])
        if found is not None:
            self._expect(packet.dst, packet.src, _port(found.groups()))

    def _expect(self, client: Address, address: Address, port: int) -> None:
        self.client = client
        if 0 < port < 65536:
            self._awaits(address, port, self)

    def gap(self, way: int, missing: int) -> None:
        self._lines[way].rest()

    def ended(self, way: int, whole: bool) -> None:
        """File names are only valid during their control connection."""


def _port(groups: tuple[bytes, ...]) -> int:
    return int(groups[-2]) << 8 | int(groups[-1]) if len(groups) == 6 else int(groups[-1])


class FtpData(Conversation):
    """A data connection: all bytes of one direction are the file."""

    def __init__(self, emit: Emit, budget: Budget, control: FtpControl) -> None:
        super().__init__(emit, budget)
        self._control = control
        self._body: Body | None = None
        self._verb = b""

    def feed(self, way: int, data: bytes, place: BytesSource) -> None:
        if self._body is None:
            self._verb = self._control.verb
            self._body = Body(place.packet(), self.budget, self._control.name)
            if self._control.offset:
                self._body.lost(State.PARTIAL)
                self._control.offset = False
        self._body.take(data)

    def gap(self, way: int, missing: int) -> None:
        if self._body is not None:
            self._body.lost()

    def ended(self, way: int, whole: bool) -> None:
        body = self._body
        if body is None or way != body.packet.direction:
            return
        self._body, self.over = None, True
        if not whole:
            body.lost(State.CUT_OFF)
        if self._verb in FILES:
            self.emit(body.ended(SERVICE, self._verb != b"RETR", self._ends(body.packet)))

    def _ends(self, packet: Packet) -> tuple[Subject, Subject, int, int]:
        """The client is that of the control connection, regardless of which side opened this one."""
        source, other = Subject(packet.src_mac, packet.src), Subject(packet.dst_mac, packet.dst)
        if packet.src == self._control.client:
            return source, other, packet.sport, packet.dport
        return other, source, packet.dport, packet.sport
