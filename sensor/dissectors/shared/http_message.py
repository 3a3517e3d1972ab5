"""Heads of HTTP messages (RFC 9112, 2 to 5), which SSDP also uses: start lines and header fields. Callers handle bodies
and the meaning of fields.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from urllib.parse import quote, unquote_to_bytes

import msgspec

from sensor.core.addresses import parse
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean

VERSION = b"HTTP/1."
# Fields that have no list of values, and so are not joined by commas (RFC 6265, 3).
UNJOINED = b"set-cookie"
HEADERS_LIMIT = 128
METHOD_LIMIT = 24
VALUE_LIMIT = 2048
LONG_LINE = 2 * VALUE_LIMIT
LENGTH_DIGITS = 15
UNKNOWN = -1
FOLD = b" \t"
# A message ends at its first empty line; a lone line feed is treated as the end of a line (RFC 9112, 2.2).
HEAD_END = lazy_pattern(rb"\r?\n\r?\n")
# Passwords, keys and sessions in the query of a URL.
_SECRET = lazy_pattern(
    r"((?:^|[?&;])(?:[^=&;?]{0,40}(?:pass|pwd|psw|secret|token|credential|session)[^=&;]{0,40}|"
    r"(?:[\w-]{0,20}[_-])?(?:api)?(?:key|auth|sid|sig|pin|pw))=)([^&;#]*)",
    re.IGNORECASE,
)
# A value that is an exploit is no secret.
EXPLOIT = lazy_pattern(
    rb"\$\{(?:\$\{|[a-z]{0,12}:).{0,80}|jndi:.{0,80}|"
    rb"'\s{0,4}\)?\s{0,4}(?:or|and|\|\|)(?:\s{1,4}\(?\d|\s{0,4}\(?').{0,80}|"
    rb"'\s?;\s?(?:echo|id|sleep|wget|curl|ping|sh|bash)\b.{0,80}|'\s{0,4}union\s.{0,80}|"
    rb"(?:\$\(|[`;|])\s?(?:(?:wget|curl|tftp|busybox|telnetd|nc|ping|sleep|cat|/bin/\w{2,8})[\s$]|"
    rb"(?:id|uname|whoami)[)`;|]).{0,80}|"
    rb"@?(?:eval|assert)\((?:@?base64_decode\(|.{0,20}(?:\$_(?:GET|POST|REQUEST|COOKIE)|Request\b)).{0,80}",
    re.IGNORECASE,
)
# Placeholder for fields that the capture truncated.
MORE = "..."
_MORE_LINE = b"\n...:"
# A method, and the beginning of a target.
_REQUEST = lazy_pattern(rb"[A-Z]{3,10} (?:/|http)")
_USER_INFO = lazy_pattern(r"^([a-z][a-z0-9+.-]{1,15}://)[^/@]{1,255}@", re.IGNORECASE)


class Head(msgspec.Struct, gc=False):
    """A start line and the header fields by their names in lower case. ``status`` is 0 for requests, ``method`` empty
    for responses.
    """

    method: str
    target: bytes
    status: int
    fields: dict[bytes, bytes]

    def text(self, name: bytes) -> str:
        """A field as clean text; empty if absent."""
        return _text(self.fields.get(name, b""))

    @property
    def length(self) -> int:
        """Content-Length in bytes, UNKNOWN if absent; repeated values must be equal (RFC 9112, 6.3). Raises Malformed
        if it is not a number.
        """
        raw = self.fields.get(b"content-length")
        if not raw:
            return UNKNOWN
        first, *others = map(bytes.strip, raw.split(b","))
        if not first.isdigit() or len(first) > LENGTH_DIGITS or any(other != first for other in others):
            raise Malformed("invalid body length")
        return int(first)


def read_head(head: bytes) -> Head:
    """Parse the head of a message, without the empty line. Raises Malformed if the start line is invalid or there are
    too many fields.
    """
    lines = head.split(b"\n", HEADERS_LIMIT + 1)
    if len(lines) > HEADERS_LIMIT + 1:
        raise Malformed("too many headers")
    method, target, status = read_start(lines[0])
    fields: dict[bytes, bytes] = {}
    last = b""
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if line[:1] in FOLD:
            if last in fields:
                fields[last] = (fields[last] + b" " + line.strip())[:VALUE_LIMIT]
            continue
        if not colon:  # some devices send lines that are not fields: they are skipped
            continue
        last = name.lower()
        if last in fields:
            between = b"\n" if last == UNJOINED else b", "  # RFC 9110, 5.3
            fields[last] = (fields[last] + between + value.strip())[:VALUE_LIMIT]
        else:
            fields[last] = value.strip()[:VALUE_LIMIT]
    return Head(method, target, status, fields)


def read_start(line: bytes) -> tuple[str, bytes, int]:
    """(method, target, 0) of a request line, ("", reason, status) of a status line. Raises Malformed otherwise."""
    line = line.rstrip()  # trailing blanks are removed (RFC 9112, 3)
    if line.startswith(VERSION):
        status, _, reason = line[9:].partition(b" ")
        if len(status) == 3 and status.isdigit() and line[8:9] == b" ":
            return "", reason[:VALUE_LIMIT], int(status)
    else:
        method, _, rest = line.partition(b" ")
        target, space, version = rest.rpartition(b" ")
        if space and target and version.startswith(VERSION) and len(version) == len(VERSION) + 1 and _is_method(method):
            return method.decode("ascii"), target.strip()[:VALUE_LIMIT], 0
    raise Malformed("no start line")


def is_request_line(data: bytes) -> bool:
    """Whether some bytes may be a request line without its end."""
    return b"\n" not in data and _REQUEST.match(data) is not None


def whole_lines(kept: bytes) -> bytes:
    """The complete lines of a truncated head, and those too long to be reported as a whole, and the field ``MORE``;
    empty if there are none. A truncated request line is completed, so that it is valid.
    """
    if not is_request_line(kept):
        end = max(kept.rfind(b"\n"), 0)
        end = len(kept) if len(kept) - end > LONG_LINE else end
        return kept[:end] + _MORE_LINE if end > 0 else b""
    line, _, last = kept.rpartition(b" ")
    version = len(last) <= len(VERSION) + 2 and VERSION.startswith(last[: len(VERSION)])
    return (line if version and b" " in line else kept) + b" HTTP/1.1" + _MORE_LINE


def begins(data: bytes) -> bool:
    """Whether a message begins with these bytes."""
    line = data[: data.find(b"\n") + 1 or len(data)].rstrip()
    # A line that only ends like a request line is the rest of one.
    return line.startswith(VERSION) or (line[:1].isalpha() and line[:-1].endswith(VERSION))


@functools.lru_cache(maxsize=1024)
def host_of(address: bytes) -> str:
    """The host in an absolute URL (``http://10.0.0.5:80/x`` → ``10.0.0.5``) or in a Host field; empty without one."""
    scheme, found, rest = address.partition(b"://")
    authority = (rest if found else scheme).partition(b"/")[0].rpartition(b"@")[2]
    if authority[:1] == b"[":
        return clean(authority[1:].partition(b"]")[0].partition(b"%")[0], 255)
    return clean(authority.partition(b":")[0], 255)


def may_be_at(packet: Packet, host: str) -> bool:
    """Whether a host can be the sender of the packet: its own address, or one that cannot be compared with it: empty, a
    name, an address of the other family.
    """
    address = _address(host)
    return address < 0 or address == packet.src or (":" in host) != (packet.ip_version == 6)


@functools.lru_cache(maxsize=1024)
def masked(target: bytes) -> str:
    """The target of a request for display: passwords, keys and sessions in it are masked, except for exploits."""
    text = clean(target)
    if "://" in text:
        text = _USER_INFO.sub(r"\1", text)
    if "=" in text:
        text = _SECRET.sub(_hidden, text)
    return text


def _hidden(secret: re.Match[str]) -> str:
    """Stars in place of a secret, and the exploit in it."""
    found = EXPLOIT.search(unquote_to_bytes(secret[2].replace("+", " ")))
    return f"{secret[1]}***{quote(found[0]) if found else ''}"


@functools.lru_cache(maxsize=4096)
def _address(host: str) -> int:
    """The address in a host; -1 for names."""
    if not host or not (host[-1].isdigit() or ":" in host):
        return -1
    try:
        return parse(host)
    except ValueError:
        return -1


@functools.lru_cache(maxsize=1024)
def _is_method(method: bytes) -> bool:
    return (
        2 < len(method) <= METHOD_LIMIT
        and method[:1].isalpha()
        and method.isupper()
        and method.replace(b"-", b"").replace(b"_", b"").isalnum()
    )


_text: Callable[[bytes], str] = functools.lru_cache(maxsize=2048)(clean)
