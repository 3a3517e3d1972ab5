"""Syslog over UDP, TCP or TLS, one message per record.

UDP (RFC 5426), TCP with octet counting or with line ends (RFC 6587) and TLS (RFC 5425). The format determines whether
messages follow RFC 5424 or RFC 3164; other formats get such a header. Syslog has no acknowledgements.

So delivery is not guaranteed. TCP and TLS: a batch is delivered once the receiver's kernel has acknowledged every byte.
After a failure of the host or connection the batch is sent again; messages that the receiving program had not read
before a failure are lost. UDP: only a closed port is detected, and full buffers drop bursts (``rate`` limits them). Use
``relp`` if no record may be lost. Receivers truncate long messages: rsyslog at 8 KiB unless ``maxMessageSize`` is
raised.

Not supported: DTLS (RFC 6012).
"""

from __future__ import annotations

import fcntl
import socket
import ssl
import struct
import termios
import time
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from sensor.core.model import Field
from sensor.core.output import Ack, Entry, Finding, Output, Retry
from sensor.outputs._probe import probe
from sensor.outputs._syslog import FORMATS, SyslogOptions, message
from sensor.outputs.transport.connect import connect, leave, reason_of, resolve
from sensor.outputs.transport.tls import Tls

PORTS = {"udp": 514, "tcp": 514, "tls": 6514}
# The largest that fits an IPv4 packet.
DATAGRAM_LIMIT = 65_507
PIECE = 64 * 1024
# How long a check waits for ICMP port unreachable, seconds.
ICMP_S = 0.3
# Interval of polling for unacknowledged bytes, seconds.
LOOK_S, LONGEST_LOOK_S = 0.0005, 0.05


class Options(SyslogOptions):
    """``host``: the receiver; ``port``: port (default: 514, for TLS 6514); ``transport``: UDP, TCP or TLS; ``framing``:
    framing of TCP: ``octets`` is octet counting, ``lines`` is for receivers without it; ``datagram_bytes``: longer
    messages are rejected instead of truncated, UDP only; ``tls``: TLS options of the transport ``tls``.
    """

    host: str = Field(min_length=1, max_length=253)
    port: int = Field(0, ge=0, le=65_535)
    transport: Literal["udp", "tcp", "tls"] = "tcp"
    framing: Literal["octets", "lines"] = "octets"
    datagram_bytes: int = Field(8192, ge=480, le=DATAGRAM_LIMIT)
    tls: Tls | None = None

    def check_whole(self, context: Any) -> None:
        if self.tls is not None and self.transport != "tls":
            raise ValueError(f"found tls beside the transport {self.transport}, expected the transport tls")
        if self.framing == "lines" and self.transport == "tls":
            raise ValueError("found the framing lines, expected octets, the only one with TLS (RFC 5425)")

    @property
    def place(self) -> tuple[str, int]:
        return self.host, self.port or PORTS[self.transport]

    @property
    def secured(self) -> Tls | None:
        return (self.tls or Tls()) if self.transport == "tls" else None


class Syslog(Output):
    """One connection, or one socket for datagrams."""

    Options = Options
    title = "Syslog"
    formats = FORMATS
    guarantee = "best_effort"

    _connection: socket.socket | None = None

    def open(self) -> None:
        self.close()
        self._opened()

    def check(self) -> Iterator[Finding]:
        host, port = self.options.place
        if self.options.transport == "udp":
            yield from _probe_datagrams(host, port)
            return
        for finding in probe(host, port, self.options.secured, self.options.timeout_s):
            yield finding
            if finding.level == "error":
                return
        yield Finding(
            "delivery",
            "ok",
            "it accepts messages; delivery is unknown, because syslog has no acknowledgements: relp has",
        )

    def send(self, entries: Sequence[Entry]) -> Ack:
        connection = self._opened()
        messages = [message(entry, self.options) for entry in entries]
        try:
            if self.options.transport == "udp":
                return self._send_datagrams(connection, messages)
            self._send_stream(connection, b"".join(map(self._framed, messages)))
        except OSError as error:
            self.close()
            host, port = self.options.place
            silence = (
                f"accepted no data for {self.options.timeout_s:g} s"
                if isinstance(error, TimeoutError)
                else f"connection lost: {reason_of(error)}"
            )
            raise Retry(f"{host} port {port}: {silence}") from None
        return Ack()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            leave(connection)

    def _opened(self) -> socket.socket:
        if self._connection is None:
            host, port = self.options.place
            datagrams = self.options.transport == "udp"
            self._connection = (
                _datagrams(host, port)
                if datagrams
                else connect(host, port, self.options.secured, self.options.timeout_s)
            )
        return self._connection

    def _framed(self, message: bytes) -> bytes:
        return b"%d %b" % (len(message), message) if self.options.framing == "octets" else message + b"\n"

    def _send_datagrams(self, connection: socket.socket, messages: Sequence[bytes]) -> Ack:
        refused, limit = {}, self.options.datagram_bytes
        for number, datagram in enumerate(messages):
            if len(datagram) > limit:
                refused[number] = f"{len(datagram)} bytes, more than a datagram of {limit} (datagram_bytes): use tcp"
            else:
                connection.send(datagram)
        _raise_pending(connection)
        return Ack(refused)

    def _send_stream(self, connection: socket.socket, data: bytes) -> None:
        """Send, and wait for the peer's kernel, as long as it makes progress within the timeout."""
        self._expect_open(connection)
        left = memoryview(data)
        while left:
            left = left[connection.send(left[:PIECE]) :]
        _await_acknowledged(connection, self.options.timeout_s)
        self._expect_open(connection)

    def _expect_open(self, connection: socket.socket) -> None:
        """A peer that closed its end drops what follows: check before and after sending."""
        connection.settimeout(0)
        try:
            # A receiver sends no data; any data is discarded.
            if not connection.recv(PIECE):
                raise ConnectionResetError("it closed the connection")
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        finally:
            connection.settimeout(self.options.timeout_s)


def _await_acknowledged(connection: socket.socket, timeout_s: float) -> None:
    """Wait until all bytes are acknowledged. Raises TimeoutError without progress for ``timeout_s``."""
    pause, last, end = LOOK_S, -1, time.monotonic() + timeout_s
    while left := struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))[0]:
        if left != last:
            last, end = left, time.monotonic() + timeout_s
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_LOOK_S)


def _datagrams(host: str, port: int) -> socket.socket:
    family, address = resolve(host, port, socket.SOCK_DGRAM)[0]
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.connect(address)
    except OSError as error:
        made.close()
        raise Retry(f"{host} port {port}: not reachable: {reason_of(error)}") from None
    return made


def _probe_datagrams(host: str, port: int) -> Iterator[Finding]:
    """An empty datagram, which receivers ignore, detects a closed port."""
    yield (first := next(probe(host, port, None, 1)))
    if first.level == "error":
        return
    try:
        with _datagrams(host, port) as connection:
            connection.send(b"")
            time.sleep(ICMP_S)
            _raise_pending(connection)
    except (OSError, Retry) as error:
        yield Finding(
            "udp", "error", f"{host} port {port}: {reason_of(error)}: does the receiver run, and is the port right?"
        )
        return
    yield Finding(
        "udp", "warning", "no ICMP error, and UDP has no acknowledgement: delivery is unknown; prefer tcp, tls or relp"
    )


def _raise_pending(connection: socket.socket) -> None:
    """Raise the kernel's error for earlier datagrams: the port is closed."""
    if number := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(number, "the port is closed")
