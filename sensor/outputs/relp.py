"""RELP, the Reliable Event Logging Protocol of rsyslog: syslog with an acknowledgement for each message.

Implements version 0 as documented at https://www.rsyslog.com/doc/relp.html: open, syslog, close; over TCP or TLS. A
batch is delivered once each of its messages was answered with 200. If a connection fails earlier, the batch is sent
again: no record is lost, and repeats have the same id. The durability of an acknowledgement depends on the receiver:
rsyslog sends it once the message is in the queue of the ruleset, which survives a crash if it is on disk or of type
Direct.

rsyslog truncates messages at ``maxDataSize`` of the input, 8 KiB by default; messages of the sensor have up to 64 KiB.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator, Sequence

from sensor.core.model import Field
from sensor.core.output import Ack, Entry, Finding, Output, Retry
from sensor.core.reader import clean
from sensor.outputs._probe import probe
from sensor.outputs._syslog import FORMATS, SyslogOptions, message
from sensor.outputs.transport.connect import connect, leave, reason_of
from sensor.outputs.transport.tls import Tls

OFFER = b"relp_version=0\nrelp_software=sensor\ncommands=syslog"
# Unacknowledged messages: enough to fill a connection, few enough to avoid a deadlock in which neither side reads.
WINDOW = 512
LAST_NUMBER = 999_999_999
ANSWER_LIMIT, HEADER_LIMIT = 128 * 1024, 64
HEADER = re.compile(rb"(\d{1,9}) ([a-z]{1,32}) (\d{1,9})[ \n]")
CLOSE_TIMEOUT_S = 1.0


class Options(SyslogOptions):
    """``host``: the receiver; ``port``: port (no standard exists, rsyslog examples use 2514 and 20514); ``tls``:
    enables TLS.
    """

    host: str = Field(min_length=1, max_length=253)
    port: int = Field(2514, ge=1, le=65_535)
    tls: Tls | None = None


class Relp(Output):
    """One session."""

    Options = Options
    title = "RELP"
    formats = FORMATS
    guarantee = "at_least_once"

    _session: _Session | None = None

    def open(self) -> None:
        self.close()
        self._opened()

    def check(self) -> Iterator[Finding]:
        for finding in probe(self.options.host, self.options.port, self.options.tls, self.options.timeout_s):
            yield finding
            if finding.level == "error":
                return
        try:
            self.open()
        except Retry as error:
            yield Finding("relp", "error", error.args[0])
            return
        finally:
            self.close()
        yield Finding("relp", "ok", "a session was opened, with support for syslog")

    def send(self, entries: Sequence[Entry]) -> Ack:
        session, refused = self._opened(), dict[int, str]()
        with self._outcomes():
            for start in range(0, len(entries), WINDOW):
                numbers = session.request(
                    "syslog", [message(entry, self.options) for entry in entries[start : start + WINDOW]]
                )
                answers = session.answers(numbers)
                refused |= {
                    start + place: clean(answers[number], 200)
                    for place, number in enumerate(numbers)
                    if not answers[number].startswith(b"200")
                }
        return Ack(refused)

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _opened(self) -> _Session:
        if self._session is not None:
            return self._session
        self._session = made = _Session(
            connect(self.options.host, self.options.port, self.options.tls, self.options.timeout_s)
        )
        with self._outcomes():
            (number,) = made.request("open", [OFFER])
            answer = made.answers([number])[number]
        if not answer.startswith(b"200") or b"syslog" not in answer:
            self.close()
            raise Retry(f"{self._place} rejected a session for syslog: {clean(answer, 200)}")
        return made

    @property
    def _place(self) -> str:
        return f"{self.options.host} port {self.options.port}"

    @contextlib.contextmanager
    def _outcomes(self) -> Iterator[None]:
        """Any error ends the session: a later response could be for an earlier message."""
        try:
            yield
            return
        except TimeoutError:
            text = f"no answer within {self.options.timeout_s:g} s"
        except OSError as error:
            text = f"session lost: {reason_of(error)}"
        except ValueError as error:
            text = f"it is not a RELP server: {clean(str(error), 200)}"
        self.close()
        raise Retry(f"{self._place}: {text}")


class _Session:
    """Frames over a connection. Raises OSError if it is lost, ValueError for invalid frames."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._buffer, self._number, self._whole = connection, bytearray(), 0, True

    def request(self, command: str, data: Sequence[bytes]) -> list[int]:
        """Send frames; returns their numbers."""
        self._whole = False
        numbers, frames = [], []
        for each in data:
            self._number = self._number % LAST_NUMBER + 1
            numbers.append(self._number)
            frames.append(
                b"%d %b %d %b\n" % (self._number, command.encode(), len(each), each)
                if each
                else b"%d %b 0\n" % (self._number, command.encode())
            )
        left = memoryview(b"".join(frames))
        while left:
            left = left[self._connection.send(left[:ANSWER_LIMIT]) :]
        return numbers

    def answers(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """The response to each of these frames."""
        missing, found = set(numbers), {}
        while missing:
            number, command, answer = self._frame()
            if command == b"serverclose":
                raise ConnectionResetError("it closed the session")
            if command != b"rsp" or number not in missing:
                raise ValueError(f"a frame {command.decode('ascii', 'replace')} without a request")
            missing.discard(number)
            found[number] = answer
        self._whole = True
        return found

    def close(self) -> None:
        """Close the session if it is idle, so that the receiver does not log a failure."""
        with contextlib.suppress(OSError, ValueError):
            if self._whole:
                self._connection.settimeout(CLOSE_TIMEOUT_S)
                self.answers(self.request("close", [b""]))
        leave(self._connection)

    def _frame(self) -> tuple[int, bytes, bytes]:
        """Number, command and data of the next frame."""
        while (header := HEADER.match(self._buffer)) is None:
            if len(self._buffer) > HEADER_LIMIT or b"\n" in self._buffer:
                raise ValueError(bytes(self._buffer[:HEADER_LIMIT]).decode("ascii", "replace"))
            self._receive()
        number, command, size = int(header[1]), header[2], int(header[3])
        # Without data there is no space before it either.
        begin = header.end() - (not size)
        if size > ANSWER_LIMIT:
            raise ValueError(f"an answer of {size} bytes")
        while len(self._buffer) <= begin + size:
            self._receive()
        data = bytes(self._buffer[begin : begin + size])
        del self._buffer[: begin + size + 1]
        return number, command, data

    def _receive(self) -> None:
        data = self._connection.recv(ANSWER_LIMIT)
        if not data:
            raise ConnectionResetError("it closed the connection")
        self._buffer += data
