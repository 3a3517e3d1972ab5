"""Files in the body of a request: their names (RFC 7578, 4.2), and stores of credentials that are recognized by their
first bytes. The content itself is not stored.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean

MULTIPART = "multipart/"
FILES_LIMIT, NAME_LIMIT = 8, 120
BEGIN_LIMIT = 4096
_PART = lazy_pattern(
    rb"\r?\ncontent-disposition:[^\r\n]{0,200};\s*filename=(?:\"([^\"\r\n]{0,255})\"|([^;\s]{1,255}))"
    rb"[^\r\n]{0,200}(?:\r?\n[^\r\n]{1,255}){0,4}\r?\n\r?\n",
    re.IGNORECASE,
)
# Formats: PEM (RFC 7468, and OpenSSH's), lines of shadow(5) and of pwdump with a hash, registry hives and KeePass by
# their signatures. Each with bytes that it contains: most bodies have none of them.
CONTENTS = (
    ("private_key", b"-----BEGIN ", lazy_pattern(rb"\A\s{0,16}-----BEGIN (?:[A-Z]{2,10} )?PRIVATE KEY-----")),
    (
        "password_hashes",
        b":$",
        lazy_pattern(rb"^[\w.-]{1,32}:\$[0-9a-z]{1,3}\$[\w./$-]{8,200}:\d{0,6}:", re.MULTILINE),
    ),
    (
        "password_hashes",
        b":::",
        lazy_pattern(rb"^[\w.-]{1,32}:\d{1,6}:[0-9a-fA-F]{32}:[0-9a-fA-F]{32}:::", re.MULTILINE),
    ),
    ("registry_hive", b"regf", lazy_pattern(rb"\Aregf.{8}", re.DOTALL)),
    ("password_store", b"\x03\xd9\xa2\x9a", lazy_pattern(rb"\A\x03\xd9\xa2\x9a[\x65\x67]\xfb\x4b\xb5")),
)


class HttpUpload(Event):
    """A file is sent, in a form or by PUT. ``name``: of the file; ``content``: the store of credentials that its first
    bytes show (``private_key``, ``password_hashes``, ``registry_hive``, ``password_store``), or empty. ``size``: of the
    whole body in bytes, -1 if unknown.
    """

    host: str
    path: str
    name: str
    content: str
    size: int


def files_in(body: bytes, media_type: str, path: str, method: str) -> Iterator[tuple[str, str]]:
    """(name, content) of each file; of a body that is not a form, only if its content is a known store or a PUT names
    it. ``content``: a name of ``CONTENTS``, or empty.
    """
    if media_type.startswith(MULTIPART):
        parts = list(itertools.islice(_PART.finditer(body), FILES_LIMIT))
        ends = [*(part.start() for part in parts[1:]), len(body)]
        for part, end in zip(parts, ends, strict=False):  # without a part, there is an end alone
            begin = body[part.end() : min(end, part.end() + BEGIN_LIMIT)]
            yield clean(part[1] or part[2] or b"", NAME_LIMIT), content_of(begin)
        return
    name, content = path.partition("?")[0].rpartition("/")[2][:NAME_LIMIT], content_of(body[:BEGIN_LIMIT])
    if content or (method == "PUT" and name):
        yield name, content


def content_of(begin: bytes) -> str:
    """The store that a file with these first bytes is, or empty."""
    return next((name for name, sign, pattern in CONTENTS if sign in begin and pattern.search(begin)), "")
