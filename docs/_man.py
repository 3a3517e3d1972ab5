"""Man pages in roff with the macros of man(7), which groff and mandoc both read."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from os import environ

import sensor
from docs._markdown import blocks

_CODE = re.compile(r"(`+[^`]+`+)")
_SIGNS = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "^": "\\(ha", "~": "\\(ti", "`": "\\(ga", '"': "\\(dq"}


def roff(text: str) -> str:
    """Escape text so that roff finds no request in it; non-ASCII characters become their code points."""
    escaped = "".join(_SIGNS.get(sign, sign if sign.isascii() else f"\\[u{ord(sign):04X}]") for sign in text)
    return f"\\&{escaped}" if escaped[:1] == "." else escaped


def marked(text: str) -> str:
    """Prose with code in backticks in bold."""
    parts = _CODE.split(" ".join(text.split()))
    return "".join(f"\\fB{roff(part.strip('`'))}\\fR" if part.startswith("`") else roff(part) for part in parts)


def title(name: str, section: int) -> str:
    """The title line. Its date is $SOURCE_DATE_EPOCH if it is set (reproducible-builds.org), else today."""
    date = time.strftime("%Y-%m-%d", time.gmtime(int(environ.get("SOURCE_DATE_EPOCH") or time.time())))
    return f'.TH {roff(name.upper())} {section} {date} "sensor {roff(sensor.__version__)}" "Passive network sensor"'


def chapter(heading: str, lines: Iterable[str]) -> Iterator[str]:
    yield f".SH {heading}"
    yield from lines


def section(heading: str, lines: Iterable[str]) -> Iterator[str]:
    yield f'.SS "{roff(heading)}"'
    yield from lines


def tagged(tag: str, about: str) -> Iterator[str]:
    """A term in bold with its description."""
    yield from (".TP", f"\\fB{roff(tag)}\\fR", marked(about) or "\\&")


def kept(lines: Iterable[str]) -> Iterator[str]:
    """Preformatted lines."""
    yield from (".nf", ".RS 4", *(roff(line) or "\\&" for line in lines), ".RE", ".fi")


def prose(doc: str) -> Iterator[str]:
    """A docstring: paragraphs, and indented blocks as preformatted lines."""
    first = True
    for as_it_is, part in blocks(doc):
        if as_it_is:
            yield from (*([] if first else [".PP"]), *kept(part.splitlines()))
        else:
            yield from (*([] if first else [".PP"]), marked(part))
        first = False
