"""What pages are made of: words and tables as Markdown, to be read on a forge and in a terminal."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence

MADE = "<!-- Written by `python -m docs.generate`: change the code it comes from, then run that again. -->"
BAR = r"\\|"
_CODE = re.compile(r"(`+[^`]+`+)")


def inline(text: str) -> str:
    """Prose in which no sign means something by accident. What stands between backticks is code already."""
    return "".join(
        f"`{part.strip('`')}`" if part.startswith("`") else _plain(part) for part in _CODE.split(" ".join(text.split()))
    )


def _plain(text: str) -> str:
    return re.sub(r"([*<\[\]])", r"\\\1", text)


def code(text: str) -> str:
    """As it is written; nothing where nothing is."""
    return f"`{text}`" if text else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a table, with an empty line behind it."""
    yield _row(heads)
    yield _row(["---"] * len(heads))
    yield from map(_row, rows)
    yield ""


def _row(cells: Sequence[str]) -> str:
    if any("\n" in cell for cell in cells):
        raise ValueError(f"a cell of a table is one line: {cells!r}")
    return f"| {' | '.join(re.sub(r'[|]', BAR, cell) for cell in cells)} |"


def blocks(doc: str) -> Iterator[tuple[bool, str]]:
    """The paragraphs of a docstring, each with whether its lines stand as they are: lists of words and what they mean
    are indented.
    """
    for part in inspect.cleandoc(doc).split("\n\n"):
        kept = any(line.startswith("  ") for line in part.splitlines()[1:]) or part.startswith("  ")
        yield kept, part if kept else " ".join(part.split())


def prose(doc: str) -> Iterator[str]:
    """A docstring: paragraphs, and what is indented as it stands."""
    for kept, part in blocks(doc):
        yield from (["```text", part, "```", ""] if kept else [inline(part), ""])


def anchor(heading: str) -> str:
    """The address of a heading on its page."""
    return "#" + re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def link(heading: str) -> str:
    """To a heading on the same page."""
    return f"[{heading}]({anchor(heading)})"


def page(title: str, lines: Iterable[str]) -> str:
    """A whole page."""
    text = "\n".join([f"# {title}", "", MADE, "", *lines])
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"
