"""The header of a mail (RFC 5322) and the names of its attachments (RFC 2183, RFC 2045), line by line, bounded.

Lines may be folded. Words in other character sets (RFC 2047) are decoded, and names in several parts are joined (RFC
2231).
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from quopri import decodestring
from urllib.parse import unquote_to_bytes

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean

HEADER_LINES, TEXT_LINES = 200, 1000  # lines that are read of a mail
VALUE_LIMIT, NAME_LIMIT, PART_LIMIT = 512, 256, 2048
_FIELD = lazy_pattern(rb"(subject|x-mailer|user-agent)\s*:\s*(.*)", re.IGNORECASE)
# A name: the number of its part, its character set, and the text, quoted or not.
_NAME = lazy_pattern(
    rb"""\b(?:file)?name(\*\d{1,2})?\*?\s*=\s*([\w-]{1,20}'[\w-]{0,10}')?(?:"([^"]{1,300})"|([^\s;"]{1,300}))""",
    re.IGNORECASE,
)
_PART = lazy_pattern(rb"content-(?:type|disposition)\s*:", re.IGNORECASE)
_WORD = lazy_pattern(r"=\?([\w-]{2,30})\?([BbQq])\?([^?]{0,500})\?=(?:\s+(?==\?))?")


class MailHeader:
    """One mail. ``over``: enough of it was read."""

    def __init__(self) -> None:
        self.over = False
        self._lines, self._in_header = 0, True
        self._part = b""  # a field that describes a part of the mail, unfolded
        self._values = {b"subject": b"", b"x-mailer": b""}
        self._field = b""
        self._names: set[str] = set()

    def line(self, line: bytes) -> tuple[tuple[str, str] | None, str]:
        """((subject, mailer) at the end of the header, name of an attachment)."""
        self._lines += 1
        self.over = self._lines >= HEADER_LINES + (not self._in_header) * TEXT_LINES
        header = None
        if self._in_header:
            header = self._header(line)
        return header, self._attachment(line)

    def _header(self, line: bytes) -> tuple[str, str] | None:
        if not line:
            self._in_header = False
            subject, mailer = self._values.values()
            return _decoded(subject), _decoded(mailer)
        found = _FIELD.match(line)
        if found is not None:
            self._field = b"subject" if found[1].lower() == b"subject" else b"x-mailer"
            self._values[self._field] = found[2][:VALUE_LIMIT]
        elif line[:1] not in b" \t":
            self._field = b""
        elif self._field:
            self._values[self._field] = (self._values[self._field] + line.lstrip())[:VALUE_LIMIT]
        return None

    def _attachment(self, line: bytes) -> str:
        """The name in a field of a part, which ends before this line; empty if it has none, or was reported."""
        if self._part and line[:1] in (b" ", b"\t"):
            self._part = (self._part + line)[:PART_LIMIT]
            return ""
        field, self._part = self._part, line if _PART.match(line) else b""
        if not field:
            return ""
        name = clean(_decoded(_name_in(field)), NAME_LIMIT)
        if "." not in name or name in self._names:
            return ""
        self._names.add(name)
        return name


def _name_in(field: bytes) -> bytes:
    """The name in a field, joined from its parts; empty without one."""
    found = list(_NAME.finditer(field))
    parts = [part for part in found if part[1]] or found[:1]
    name = b"".join(part[3] or part[4] for part in parts)
    return unquote_to_bytes(name) if any(part[2] for part in parts) else name


def _decoded(raw: bytes) -> str:
    """A value with its encoded words decoded (RFC 2047)."""
    return clean(_WORD.sub(_plain, raw.decode("utf-8", "replace")), VALUE_LIMIT)


def _plain(word: re.Match[str]) -> str:
    data = word[3].encode("ascii", "replace")
    try:
        raw = b64decode(data) if word[2] in "Bb" else decodestring(data.replace(b"_", b" "))
        return raw.decode(word[1], "replace")
    except (binascii.Error, ValueError, LookupError):
        return word[0]
