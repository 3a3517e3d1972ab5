"""Transfers: begins conversations that transfer files, and follows TFTP, which has none."""

from __future__ import annotations

from sensor.core.addresses import Address
from sensor.core.bounded import Bounded
from sensor.core.packet import Packet
from sensor.records.files.body import Budget
from sensor.records.files.conversation import Conversation
from sensor.records.files.ftp import FtpControl, FtpData
from sensor.records.files.http import HttpFiles
from sensor.records.files.mail import MailFiles
from sensor.records.files.seen import Emit
from sensor.records.files.smb import SmbFiles
from sensor.records.files.tftp import ACKNOWLEDGED, DATA, TftpFile

AWAITED, REQUESTED = 256, 256


class Transfers:
    """``emit``: called with each completed file, and at the beginning of each response body. ``ports``: 1 for ports at
    which FTP data connections and TFTP files are expected.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit, self._budget, self.ports = emit, Budget(), bytearray(1 << 16)
        self._awaited: Bounded[tuple[Address, int], FtpControl] = Bounded(AWAITED)
        self._requested: Bounded[tuple[Address, int], TftpFile] = Bounded(REQUESTED)

    def advance(self, now: int) -> None:
        """``now``: packet time, ns."""
        self._budget.advance(now)

    # Start of a conversation.

    def http(self) -> Conversation:
        return HttpFiles(self._emit, self._budget)

    def ftp(self) -> Conversation:
        return FtpControl(self._emit, self._budget, self._await)

    def mail(self) -> Conversation:
        return MailFiles(self._emit, self._budget)

    def smb(self) -> Conversation:
        return SmbFiles(self._emit, self._budget)

    def expected(self, packet: Packet) -> Conversation | None:
        """A new connection, if it is an expected FTP data connection."""
        control = self._awaited.pop((packet.dst, packet.dport))
        if control is None:
            return None
        self._forget_port(packet.dport)
        return FtpData(self._emit, self._budget, control)

    def _await(self, address: Address, port: int, control: FtpControl) -> None:
        out = self._awaited.put((address, port), control)
        self.ports[port] = 1
        if out is not None:
            self._forget_port(out[0][1])

    def _forget_port(self, port: int) -> None:
        """Expect nothing more at a port, unless for another address."""
        self.ports[port] = any(port == other for _, other in (*self._awaited, *self._requested))

    def finish(self) -> None:
        """The run is over: incomplete TFTP files end."""
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
