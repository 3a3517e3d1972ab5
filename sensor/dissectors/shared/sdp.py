"""SDP (RFC 8866): media endpoints, the name of the program that offers them, and the clock of their media (RFC 7273).
Other attributes are ignored.
"""

from __future__ import annotations

from typing import NamedTuple

from sensor.core.reader import clean

LIMIT = 4096
LINES_LIMIT = 128
MEDIA_LIMIT = 8
NAME_LIMIT = 255
# Empty values: RFC 8866 requires a dash or a blank where there is no name.
EMPTY = ("", "-")
CLOCK = b"ts-refclk:"
CLOCK_LIMIT = 16


class Sdp(NamedTuple):
    """``user``: name of the origin, often that of the program; ``address``: its host as written; ``media``: type and
    port (``audio 30000``); ``clock``: source of the first reference clock, such as ``ptp``, ``ntp`` or ``gps``.
    """

    user: str
    address: str
    session: str
    tool: str
    media: tuple[str, ...]
    clock: str


def read(body: bytes) -> Sdp | None:
    """Parse a session description; None if it is not one."""
    if not body.startswith(b"v=0"):
        return None
    user = address = session = tool = clock = ""
    media: list[str] = []
    for line in body[:LIMIT].splitlines()[:LINES_LIMIT]:
        kind, value = line[:2], line[2:]
        if kind == b"o=" and not address:
            words = value.split(b" ")
            if len(words) >= 6:
                user, address = _named(words[0]), clean(words[5], NAME_LIMIT)
        elif kind == b"s=" and not session:
            session = _named(value)
        elif kind == b"a=" and not tool and value[:5].lower() == b"tool:":
            tool = _named(value[5:])
        elif kind == b"a=" and not clock and value.startswith(CLOCK):
            clock = clean(value[len(CLOCK) :].partition(b"=")[0], CLOCK_LIMIT)
        elif kind == b"m=" and len(media) < MEDIA_LIMIT:
            words = value.split(b" ", 2)
            if len(words) == 3:
                media.append(clean(words[0] + b" " + words[1].partition(b"/")[0], NAME_LIMIT))
    return Sdp(user, address, session, tool, tuple(media), clock)


def _named(raw: bytes) -> str:
    text = clean(raw, NAME_LIMIT)
    return "" if text in EMPTY else text
