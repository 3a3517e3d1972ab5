"""Converts public formats of threat feeds to plain lists: one indicator per line, then its category, first sighting,
expiry and confidence.

The content determines the format. Plain lists, netsets and hosts files are read directly (``readers``), and so are
lists that the sensor wrote, which begin with HEADING.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sensor.core.lazy_pattern import lazy_pattern
from sensor.intel.feed_filters import EXCEPTED, filter_lines
from sensor.intel.feed_json import json_text
from sensor.intel.feed_lines import csv_lines, zeek_lines
from sensor.intel.feed_rpz import ZONE, rpz_lines
from sensor.intel.indicator import VALUES, Broken, Found

HEAD_LIMIT = 65536
# The first cell of a row and its comma: a word, a time, or quoted text. Comments may have commas, and so may URLs.
_ROW = lazy_pattern(rb'\s*(?:"[^"]*"|(?!h..ps?://)[^,\s"]+|\d{4}-\d\d-\d\d[ T][\d:.]+)\s*,')
# An IPv6 address in brackets and the heading of a filter list are no arrays.
_JSON = lazy_pattern(rb"\{|\[\s*[\[{\"\]]")
HEADING = b"#sensor-list\tvalue\tcategory\tseen\tuntil\tconfidence\n"


class Converted(NamedTuple):
    """``text``: the plain list; ``numbers``: for each of its lines the line in the feed; ``broken``: faults of the
    feed.
    """

    text: bytes
    numbers: list[int]
    broken: list[Broken]


def converted(text: bytes) -> Converted | None:
    """A feed as a plain list; None if it is one already."""
    reader = _reader_of(text)
    if reader is None:
        return None
    broken: list[Broken] = []
    lines: dict[str, int] = {}
    for one in reader(text.decode("utf-8", "replace")):
        if isinstance(one, Broken):
            broken.append(one)
        else:
            lines.setdefault(one[1].line(), one[0])
    return Converted("".join(f"{line}\n" for line in lines).encode(), list(lines.values()), broken)


def _reader_of(text: bytes) -> Callable[[str], Found] | None:
    head = text[:HEAD_LIMIT].lstrip()
    if head.startswith(HEADING):
        return None
    if _JSON.match(head):
        return json_text
    if ZONE.search(head):
        return rpz_lines
    if text.startswith(EXCEPTED) or b"\n" + EXCEPTED in text:
        return filter_lines
    for line in map(bytes.strip, head.splitlines()):
        if line.startswith(b"#fields\t"):
            return zeek_lines
        if line.startswith((b"#", b";", b"!", b"//")):
            if _names_columns(line):
                return csv_lines
        elif line:
            return csv_lines if _ROW.match(line) else None
    return None


def _names_columns(comment: bytes) -> bool:
    names = [name.strip(b' "').lower().decode("utf-8", "replace") for name in comment.lstrip(b"#; ").split(b",")]
    return len(names) > 1 and any(name in VALUES for name in names)
