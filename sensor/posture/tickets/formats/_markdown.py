"""Markdown (CommonMark 0.31, with tables of GFM). Text of peers is in code spans, where nothing is formatted, linked or
mentioned; all other text is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.lazy_pattern import lazy_pattern
from sensor.posture.tickets.model import Affected, Ticket
from sensor.posture.tickets.text import cut, facts, names_of

COLUMNS = ("Device", "Product", "Segment", "Owner", "Findings", "Proof")

_SIGNS = lazy_pattern(r"([\\`*_{}\[\]<>&!~|$])")
# Mentions and issue references: a zero-width joiner between sign and word prevents them.
_REFERS = lazy_pattern(r"([@#])(?=\w)")
# URLs would become links; a line could begin a list or a heading.
_LINKS = lazy_pattern(r"(?<=\w)(://)|\b(www)\.", re.IGNORECASE)
_FIRST = lazy_pattern(r"^([#+=-]|\d{1,9}(?=[.)]))")
_FENCES = lazy_pattern(r"`+")


def plain(text: str) -> str:
    """Text that renders literally."""
    text = _REFERS.sub("\\1\N{WORD JOINER}", _SIGNS.sub(r"\\\1", text))
    text = _LINKS.sub(lambda found: "\\://" if found[1] else f"{found[2]}\\.", text)
    return _FIRST.sub(lambda found: f"\\{found[1]}" if not found[1].isdigit() else f"{found[1]}\N{WORD JOINER}", text)


def code(text: str) -> str:
    """Text of a peer as code; empty if there is none."""
    if not text:
        return ""
    fence = "`" * (max((len(run) for run in _FENCES.findall(text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def cell(text: str) -> str:
    """Code within a table, where a bar is escaped even in code (GFM, 4.10)."""
    return code(text).replace("|", "\\|")


def page(ticket: Ticket, limit: int = 0) -> str:
    """A ticket without its title, of at most ``limit`` characters (0: unlimited)."""
    blocks = [
        "\n".join(f"- **{name}:** {_fact(name, value)}" for name, value in facts(ticket)),
        _section("Why", [plain(one) for one in ticket.why], "-"),
        _section(
            "Steps",
            [f"{code(one.maker)}: {plain(one.text)}" if one.maker else plain(one.text) for one in ticket.steps],
            "-",
        ),
        f"### Verification\n\n{plain(ticket.test)}" if ticket.test else "",
        f"### Devices\n\n{len(ticket.devices):,} in all.\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}",
    ]
    head = "\n\n".join(filter(None, blocks)) + "\n"
    return head + "\n".join(_shown(ticket, limit - len(head) if limit else 0)) + "\n"


def _shown(ticket: Ticket, limit: int) -> Iterator[str]:
    """Rows of the table; the number of rows over the limit is below it."""
    for line in cut((_row(one) for one in ticket.devices), len(ticket.devices), limit):
        yield line if line.startswith("|") else f"\n{line.removeprefix('- ')}"


def _fact(name: str, value: str) -> str:
    """Points name a device; owners and devices have names from people and peers."""
    return code(value) if name in ("Points", "Owner", "Devices") else plain(value)


def _section(title: str, lines: list[str], mark: str) -> str:
    return f"### {title}\n\n" + "\n".join(f"{mark} {line}" for line in lines) if lines else ""


def _row(one: Affected) -> str:
    unsure = "" if one.sure else ", unknown whether affected"
    cells = (one.text, one.product, one.segment, one.owner, names_of(one.names, 3) + unsure, one.evidence)
    return f"| {' | '.join(map(cell, cells))} |"
