"""Mail over SMTP (RFC 5321): the message as a file, and its attachments (RFC 2045, RFC 2046)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.records.files.body import Body, Budget, ends_of
from sensor.records.files.conversation import BytesSource, Conversation
from sensor.records.files.lines import Lines
from sensor.records.files.seen import Emit, FileSeen, State

if TYPE_CHECKING:
    from email.message import Message

SERVICE = "smtp"
# Lines with special meaning: those that begin with a dot or two dashes.
_SPECIAL, _LINE = lazy_pattern(rb"^(?:\.|--)", re.MULTILINE), lazy_pattern(rb"[^\n]*\n")
HEADER_LIMIT, LINE_LIMIT, DEPTH, PARTS = 16384, 1 << 16, 8, 64


class MailFiles(Conversation):
    """One SMTP connection. The message is the data between DATA and the line with a single dot."""

    def __init__(self, emit: Emit, budget: Budget) -> None:
        super().__init__(emit, budget)
        self._lines = (Lines(), Lines())
        self._mail: Mail | None = None
        self._way = 0  # from the client
        self._wants_tls = False

    def feed(self, way: int, data: bytes, place: BytesSource) -> None:
        if self._mail is not None and way == self._way:
            self._text(data, place)
            return
        for line in self._lines[way].take(data):
            command = line.upper().strip()
            if command == b"DATA":
                self._way, self._mail = way, Mail(self.budget)
                self._text(self._lines[way].rest(), place)
                return
            if command == b"STARTTLS":
                self._wants_tls = True
            elif self._wants_tls and line[:3].isdigit():
                self._wants_tls, self.over = False, line[:3] == b"220"

    def _text(self, data: bytes, place: BytesSource) -> None:
        mail = self._mail
        if mail is not None and data:
            for seen in mail.take(data, place):
                self.emit(seen)
            if mail.over:
                self._mail = None

    def gap(self, way: int, missing: int) -> None:
        self._lines[way].rest()
        if self._mail is not None and way == self._way:
            self._mail.lost()

    def ended(self, way: int, whole: bool) -> None:
        mail, self._mail = self._mail, None
        if mail is not None:
            mail.lost(State.CUT_OFF)
            for seen in mail.ended():
                self.emit(seen)


class Mail:
    """A message being transferred. ``over``: its end was seen."""

    def __init__(self, budget: Budget) -> None:
        self.over = False
        self._budget, self._kept = budget, b""
        self._whole: Body | None = None
        self._packet: Packet | None = None
        self._header: bytes | None = b""
        self._boundaries: list[bytes] = []
        self._part: Part | None = None
        self._parts = 0

    def take(self, data: bytes, place: BytesSource) -> Iterator[FileSeen]:
        """Add bytes; yields the attachments that they complete, and the message at its end."""
        if self._whole is None:
            self._packet = place.packet()
            self._whole = Body(self._packet, self._budget, b"", b"message/rfc822")
        text = self._kept + data
        end = text.rfind(b"\n") + 1
        text, self._kept = text[:end], text[end:]
        if len(self._kept) > LINE_LIMIT:
            self.lost()
            self._kept = b""
        if self._header is None and _SPECIAL.search(text) is None:  # most lines of an attachment
            self._whole.take(text)
            if self._part is not None:
                self._part.take(text)
            return
        for line in _LINE.findall(text):
            if line.rstrip(b"\r\n") == b".":
                self.over = True
                yield from self.ended()
                return
            line = line.removeprefix(b".")  # dot stuffing (RFC 5321, 4.5.2)
            self._whole.take(line)
            yield from self._line(line, place)

    def lost(self, why: State = State.GAP) -> None:
        """Bytes are missing."""
        for body in (self._whole, self._part.body if self._part is not None else None):
            if body is not None:
                body.lost(why)

    def ended(self) -> Iterator[FileSeen]:
        """The message, and an attachment that did not end."""
        yield from self._close(State.CUT_OFF if self._boundaries else None)
        if self._whole is not None:
            yield _seen(self._whole)

    def _line(self, line: bytes, place: BytesSource) -> Iterator[FileSeen]:
        bare = line.rstrip()
        if bare.startswith(b"--") and bare[2:].removesuffix(b"--") in self._boundaries:
            yield from self._close(None)
            self._header = b"" if bare[2:] in self._boundaries else None
        elif self._header is not None:
            if line.rstrip(b"\r\n"):
                self._header = (self._header + line)[:HEADER_LIMIT]
            else:
                import email  # few captures contain mail

                header, self._header = self._header, None
                self._begin(email.message_from_bytes(header), place)
        elif self._part is not None:
            self._part.take(line)

    def _begin(self, head: Message, place: BytesSource) -> None:
        """Process the headers of a part, or of the message."""
        boundary = head.get_boundary()
        if boundary is not None and head.get_content_maintype() == "multipart":
            if len(self._boundaries) < DEPTH:
                self._boundaries.append(boundary.encode("utf-8", "replace"))
            return
        name = head.get_filename() or ""
        if (name or head.get_content_maintype() != "text") and "content-type" in head and self._parts < PARTS:
            self._parts += 1
            body = Body(place.packet(), self._budget, name.encode("utf-8", "replace"), head.get_content_type().encode())
            self._part = Part(body, str(head.get("content-transfer-encoding", "")).strip().lower())

    def _close(self, why: State | None) -> Iterator[FileSeen]:
        part, self._part = self._part, None
        if part is not None:
            part.end()
            if why is not None:
                part.body.lost(why)
            yield _seen(part.body)


class Part:
    """An attachment, decoded line by line."""

    def __init__(self, body: Body, coding: str) -> None:
        self.body, self._coding, self._kept = body, coding, b""

    def take(self, lines: bytes) -> None:
        """Add complete lines."""
        if self._coding == "base64":
            kept = self._kept + b"".join(lines.split())
            whole = len(kept) // 4 * 4
            self._kept = kept[whole:]
            self._decoded(kept[:whole])
            return
        text = self._kept + (binascii.a2b_qp(lines) if self._coding == "quoted-printable" else lines)
        # The line end before a boundary belongs to the boundary (RFC 2046, 5.1.1).
        self._kept = text[-2:] if text.endswith(b"\r\n") else text[-1:] if text.endswith(b"\n") else b""
        self.body.take(text.removesuffix(self._kept))

    def _decoded(self, text: bytes) -> None:
        try:
            self.body.take(binascii.a2b_base64(text))
        except binascii.Error:
            self.body.lost(State.ENCODED)

    def end(self) -> None:
        """Decode the remaining base64, even if it is no complete group."""
        if self._kept and self._coding == "base64":
            self._decoded(self._kept)


def _seen(body: Body) -> FileSeen:
    return body.ended(SERVICE, True, ends_of(body.packet, True))
