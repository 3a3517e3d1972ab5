"""memcached over TCP and UDP (protocol.txt of its sources, and its binary protocol): the server's version, and access
without a login.

Reads of an answer its kind, which shows whether the server serves a client that has not logged in, and the version in
answers to ``version`` and ``stats``. Keys, values and logins are not read.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.dissectors.shared.login_events import NONE, PasswordLogin
from sensor.dissectors.shared.sender_facts import fact

PORT = 11211
KEPT_LIMIT = 512
# Before each answer in a datagram: number of the request, of the datagram, count of datagrams, reserved.
_FRAME = struct.Struct("!HHHH")
# What clients send to log in: as a text, with the name and password as the value of any key; in the binary protocol.
_LOGIN = lazy_pattern(rb"set |\x80[\x20-\x22]")
# Answers that a server with logins gives only after one. Of the binary protocol: to get, delete, increment, decrement
# and statistics, with the status 0 or 1 (no such key).
_SERVED = lazy_pattern(
    rb"(?:VALUE |STAT |VERSION \d|VA \d|(?:END|HD|EN|OK|DELETED|TOUCHED|NOT_FOUND)\r)"
    rb"|\x81[\0\x04-\x06\x10].{4}\0[\0\1].{16}",
    re.DOTALL,
)
_VERSION = lazy_pattern(
    rb"(?:VERSION|STAT pid \d+\r\n(?:STAT \w+ \d+\r\n){0,4}STAT version) (\d[\w.-]{1,31})\r"
    rb"|\x81\x10.{22}pid.{24,128}?\x81\x10\0\x07.{20}version(\d[\w.-]{1,31})\x81",
    re.DOTALL | re.ASCII,
)


class MemcachedLogin(PasswordLogin):
    """A server serves a client without a login: ``method`` is always ``none``."""


class Memcached(Dissector):
    """The first messages of each side, and later answers with the version."""

    interest = Interest(
        udp=(PORT,), tcp=(PORT,), starts=(b"STAT pid", b"VERSION "), repeats_s=60, volatile=(0, 8), stream=True,
        opening=4,
    )  # fmt: skip

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        """The first datagram of an answer. Over UDP there are no logins."""
        data = packet.payload
        if packet.sport != PORT or len(data) <= _FRAME.size:
            return
        _, number, count, reserved = _FRAME.unpack_from(data)
        if number or not count or reserved:
            return
        answer = data[_FRAME.size : _FRAME.size + KEPT_LIMIT]
        if _SERVED.match(answer):
            yield from _served(packet)
        if found := _VERSION.match(answer):
            yield _version(packet, found)

    def stream(self, packet: Packet) -> Stream:
        return MemcachedStream()


class MemcachedStream(Stream):
    """One connection: the beginning of what the client sent, and of the answer to its last command."""

    def __init__(self) -> None:
        self._first, self._answer = b"", b""
        self._served = self._named = False

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if from_client:
            self._first, self._answer = (self._first + data[:4])[:4], b""
            return
        self._answer += data[: KEPT_LIMIT - len(self._answer)]
        if not self._served and self._first and not _LOGIN.match(self._first) and _SERVED.match(self._answer):
            self._served = True
            yield from _served(packet)
        if not self._named and (found := _VERSION.match(self._answer)):
            self._named = True
            yield _version(packet, found)
        self.done = self._served and self._named

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self._answer = b""
        return iter(())


def _served(packet: Packet) -> tuple[Parsed, Parsed]:
    return MemcachedLogin(packet, "", NONE, True), fact(packet, "memcached.role", "memcached server")


def _version(packet: Packet, found: re.Match[bytes]) -> Parsed:
    return fact(packet, "memcached.version", (found[1] or found[2]).decode("ascii"))
