"""Transfers: the conversations that bring files, at most so many at once; those unheard longest make room."""

from __future__ import annotations

from sensor.core.addresses import Address
from sensor.core.bounded import Bounded
from sensor.core.packet import Packet, Packets
from sensor.records.files.body import Budget
from sensor.records.files.conversation import Conversation
from sensor.records.files.ftp import FtpControl, FtpData
from sensor.records.files.http import HttpFiles
from sensor.records.files.mail import MailFiles
from sensor.records.files.seen import Emit
from sensor.records.files.tftp import ACKNOWLEDGED, DATA, TftpFile

CONVERSATIONS, AWAITED, REQUESTED = 2048, 256, 256
# Of a conversation, as the gate has them.
FOLLOWED, PAUSED, OVER = 1, 2, 3


class Transfers:
    """``emit``: given each file that ended, and each body of a response that begins. ``ports``: 1 for those at which
    data connections of FTP and files of TFTP are to come.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit, self._budget, self.ports = emit, Budget(), bytearray(1 << 16)
        self._open: Bounded[int, Conversation] = Bounded(CONVERSATIONS)
        self._awaited: Bounded[tuple[Address, int], FtpControl] = Bounded(AWAITED)
        self._requested: Bounded[tuple[Address, int], TftpFile] = Bounded(REQUESTED)

    def advance(self, now: int) -> None:
        """``now``: packet time, ns."""
        self._budget.advance(now)

    # A conversation begins.

    def http(self, flow: int, way: int, seq: int) -> None:
        """A message of HTTP begins with the segment that comes next, on a connection that is new or was left."""
        found = self._open.get(flow)
        if isinstance(found, HttpFiles) and not found.over:
            found.restart(way, seq)
        else:
            self._put(flow, HttpFiles(self._emit, self._budget))

    def ftp(self, flow: int) -> None:
        self._put(flow, FtpControl(self._emit, self._budget, self._await))

    def mail(self, flow: int) -> None:
        self._put(flow, MailFiles(self._emit, self._budget))

    def expected(self, packet: Packet) -> bool:
        """Whether a connection that opens is one over which a file of FTP comes."""
        control = self._awaited.pop((packet.dst, packet.dport))
        if control is not None:
            self._forget_port(packet.dport)
            self._put(packet.flow, FtpData(self._emit, self._budget, control))
        return control is not None

    def _await(self, address: Address, port: int, control: FtpControl) -> None:
        out = self._awaited.put((address, port), control)
        self.ports[port] = 1
        if out is not None:
            self._forget_port(out[0][1])

    def _forget_port(self, port: int) -> None:
        """Nothing is to come at a port, unless for another address."""
        self.ports[port] = any(port == other for _, other in (*self._awaited, *self._requested))

    def _put(self, flow: int, conversation: Conversation) -> None:
        out = self._open.put(flow, conversation)
        if out is not None:
            out[1].finish()

    # It continues.

    def segment(self, flow: int, way: int, seq: int, data: bytes, packets: Packets, index: int) -> int:
        """Bytes of a side; the state of the conversation afterwards."""
        found = self._open.get(flow)
        if found is None:
            return OVER
        found.segment(way, seq, data, packets, index)
        return self._state(flow, found)

    def closed(self, flow: int, way: int, seq: int, reset: bool) -> int:
        """A side sends nothing behind ``seq``."""
        found = self._open.get(flow)
        if found is None:
            return OVER
        found.closed(way, seq, reset)
        return self._state(flow, found)

    def _state(self, flow: int, found: Conversation) -> int:
        if found.over:
            self.ended(flow)
            return OVER
        return PAUSED if found.paused else FOLLOWED

    def ended(self, flow: int) -> None:
        """The flow is over."""
        found = self._open.pop(flow)
        if found is not None:
            found.finish()

    def finish(self) -> None:
        """The run is over."""
        for flow in list(self._open):
            self.ended(flow)
        for key, file in list(self._requested.items()):
            self._requested.pop(key)
            self._end_tftp(key, file)

    # TFTP.

    def tftp(self, packet: Packet) -> None:
        """A request, or a packet of a transfer."""
        if packet.payload[1] not in {DATA, ACKNOWLEDGED}:
            out = self._requested.put((packet.src, packet.sport), TftpFile(packet, self._budget))
            self.ports[packet.sport] = 1
            if out is not None:
                self._end_tftp(*out)
            return
        for key in ((packet.dst, packet.dport), (packet.src, packet.sport)):
            found = self._requested.get(key)
            if found is None:
                continue
            if (seen := found.take(packet)) is not None:
                self._emit(seen)
            if found.over:
                self._requested.pop(key)
                self._forget_port(key[1])
            return

    def _end_tftp(self, key: tuple[Address, int], file: TftpFile) -> None:
        """A transfer of which nothing more is followed."""
        self._forget_port(key[1])
        if (seen := file.ended(whole=False)) is not None:
            self._emit(seen)
