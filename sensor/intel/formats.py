"""The public formats of threat feeds, made into plain lists: one indicator a line, then its category, when it was first
seen, until when, how sure the list is.

Which one a file is shows in its content. Plain lists, netsets and hosts files are read as they are (``readers``), and
so are lists that we wrote, which begin with HEADING.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from sensor.intel.feed_json import json_text
from sensor.intel.feed_lines import csv_lines, zeek_lines
from sensor.intel.indicator import VALUES, Broken, Found

HEAD_LIMIT = 65536
# The first cell of a row and its comma: a word, a time, or something in quotes. Remarks may hold commas, and so may
# URLs.
_ROW = re.compile(rb'\s*(?:"[^"]*"|(?!h..ps?://)[^,\s"]+|\d{4}-\d\d-\d\d[ T][\d:.]+)\s*,')
HEADING = b"#sensor-list\tvalue\tcategory\tseen\tuntil\tconfidence\n"


class Converted(NamedTuple):
    """``text``: the plain list; ``numbers``: for each of its lines the line of the feed it came from; ``broken``: what
    was wrong in the feed.
    """

    text: bytes
    numbers: list[int]
    broken: list[Broken]


def converted(text: bytes) -> Converted | None:
    """A feed as a plain list; None where it is a plain list already."""
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
    if head[:1] in (b"{", b"["):
        return json_text
    for line in map(bytes.strip, head.splitlines()):
        if line.startswith(b"#fields\t"):
            return zeek_lines
        if line.startswith((b"#", b";", b"//")):
            if _names_columns(line):
                return csv_lines
        elif line:
            return csv_lines if _ROW.match(line) else None
    return None


def _names_columns(comment: bytes) -> bool:
    names = [name.strip(b' "').lower().decode("utf-8", "replace") for name in comment.lstrip(b"#; ").split(b",")]
    return len(names) > 1 and any(name in VALUES for name in names)
