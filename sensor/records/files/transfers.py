"""Transfers: the flows that transfer files, up to a limit; the least recently active ones are evicted."""

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
from sensor.records.files.smb import SmbFiles
from sensor.records.files.tftp import ACKNOWLEDGED, DATA, TftpFile

CONVERSATIONS, AWAITED, REQUESTED = 2048, 256, 256
# States of a flow, as in the gate.
FOLLOWED, PAUSED, OVER = 1, 2, 3


class Transfers:
    """``emit``: called with each completed file, and at the beginning of each response body. ``ports``: 1 for ports at
    which FTP data connections and TFTP files are expected.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit, self._budget, self.ports = emit, Budget(), bytearray(1 << 16)
        self._open: Bounded[int, Conversation] = Bounded(CONVERSATIONS)
        self._awaited: Bounded[tuple[Address, int], FtpControl] = Bounded(AWAITED)
        self._requested: Bounded[tuple[Address, int], TftpFile] = Bounded(REQUESTED)

    def advance(self, now: int) -> None:
        """``now``: packet time, ns."""
        self._budget.advance(now)

    # Start of a flow.

    def http(self, flow: int, way: int, seq: int) -> None:
        """An HTTP message begins with the next segment, on a connection that is new or was paused."""
        found = self._open.get(flow)
        if isinstance(found, HttpFiles) and not found.over:
            found.restart(way, seq)
        else:
            self._put(flow, HttpFiles(self._emit, self._budget))

    def ftp(self, flow: int) -> None:
        self._put(flow, FtpControl(self._emit, self._budget, self._await))

    def mail(self, flow: int) -> None:
        self._put(flow, MailFiles(self._emit, self._budget))

    def smb(self, flow: int) -> None:
        self._put(flow, SmbFiles(self._emit, self._budget))

    def expected(self, packet: Packet) -> bool:
        """Whether a new connection is an expected FTP data connection."""
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
        """Expect nothing more at a port, unless for another address."""
        self.ports[port] = any(port == other for _, other in (*self._awaited, *self._requested))

    def _put(self, flow: int, conversation: Conversation) -> None:
        out = self._open.put(flow, conversation)
        if out is not None:
            out[1].finish()

    # Continuation of a flow.

    def segment(self, flow: int, way: int, seq: int, data: bytes, packets: Packets, index: int) -> int:
        """Process bytes of a direction; returns the new state of the flow."""
        found = self._open.get(flow)
        if found is None:
            return OVER
        found.segment(way, seq, data, packets, index)
        return self._state(flow, found)

    def closed(self, flow: int, way: int, seq: int, reset: bool) -> int:
        """A direction ends at ``seq``."""
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
        """A TFTP request, or a packet of a transfer."""
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
        """A transfer ended or was evicted."""
        self._forget_port(key[1])
        if (seen := file.ended(whole=False)) is not None:
            self._emit(seen)
