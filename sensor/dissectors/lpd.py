"""LPD, the line printer daemon protocol (RFC 1179): jobs, queue queries and removals.

Reads the commands, requests that overflow a buffer or contain a format string, and in control files the names of host,
user, job and file. Data files are skipped by their size. The names in a control file are those of the job's origin:
print servers forward jobs of others, so the names are in events only and are not attributed to any device.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.odd_arguments import odd_commands, odd_message

COMMANDS = {1: "print", 2: "receive", 3: "queue_short", 4: "queue_long", 5: "remove"}
RECEIVE = 2
ABORT, CONTROL, DATA = 1, 2, 3
LINE_LIMIT = 1024
CONTROL_LIMIT = 4096
SIZE_DIGITS = 12
NAME_LIMIT = 255
# Lines of a control file (RFC 1179, 7).
FIELDS = {b"H": "host", b"P": "user", b"J": "job", b"N": "file"}


class LpdCommand(Event):
    """A client's command for a queue: ``print``, ``receive``, ``queue_short``, ``queue_long`` or ``remove``;
    ``operands``: jobs and users.
    """

    command: str
    queue: str
    operands: str


class LpdJob(Event):
    """A job's control file: its host, user, name and file."""

    host: str
    user: str
    job: str
    file: str


class Lpd(Dissector):
    """Whole connections, since the control file may follow the data."""

    interest = Interest(tcp=(515,), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return LpdStream()


class LpdStream(Stream):
    """One connection. Only the client's bytes are read: the daemon answers with single zeros, or text for users."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._skip = self._control = 0
        self._receiving = False

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if not from_client:
            return
        kept = self._kept
        kept += data
        while kept and not self.done:
            if self._skip:
                skipped = min(self._skip, len(kept))
                self._skip -= skipped
                del kept[:skipped]
            elif self._control:
                if len(kept) < min(self._control, CONTROL_LIMIT):
                    return
                control = bytes(kept[: min(self._control, CONTROL_LIMIT)])
                del kept[: len(control)]
                self._skip, self._control = self._control - len(control) + 1, 0  # a zero ends the file (RFC 1179, 6.2)
                yield _job(packet, control)
            else:
                end = kept.find(b"\n", 0, LINE_LIMIT)
                if end < 0:
                    if len(kept) >= LINE_LIMIT or kept[0] not in COMMANDS:
                        yield from self._other(packet, bytes(kept))
                    return
                line = bytes(kept[:end])
                del kept[: end + 1]
                yield from self._line(packet, line)

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """A gap inside a data file is part of it; after any other, message boundaries are unknown."""
        if from_client:
            if self._kept or missing > self._skip:
                self.done = True
            self._skip -= missing
        return iter(())

    def _line(self, packet: Packet, line: bytes) -> Iterator[Parsed]:
        number = line[0] if line else 0
        if self._receiving:
            self._part(number, line[1:])
            return
        command = COMMANDS.get(number)
        if command is None:
            yield from self._other(packet, line)
            return
        self._receiving = number == RECEIVE
        queue, _, operands = line[1:].partition(b" ")
        yield from odd_commands(packet, "lpd", command.encode(), line[1:])
        yield LpdCommand(packet, command, clean(queue, NAME_LIMIT), clean(operands, NAME_LIMIT))

    def _other(self, packet: Packet, request: bytes) -> list[Parsed]:
        """A request that is not a command: of another protocol, or an exploit."""
        self.done = True
        odd = odd_message(packet, "lpd", "request", request)
        if not odd:
            raise Malformed("no command")
        return odd

    def _part(self, number: int, operands: bytes) -> None:
        """A part of a job: its type and its size (RFC 1179, 6)."""
        size = operands.partition(b" ")[0]
        if number == ABORT:
            return
        if number not in (CONTROL, DATA) or not size.isdigit() or len(size) > SIZE_DIGITS:
            raise Malformed("no part of a job")
        if number == CONTROL and int(size):
            self._control = int(size)
        elif int(size):
            self._skip = int(size) + 1
        else:  # some clients do not know the size: data lasts to the end
            self.done = True


def _job(packet: Packet, control: bytes) -> Event:
    names = dict.fromkeys(FIELDS.values(), "")
    for line in control.split(b"\n"):
        field = FIELDS.get(line[:1])
        if field and not names[field]:
            names[field] = clean(line[1:], NAME_LIMIT)
    return LpdJob(packet, **names)
