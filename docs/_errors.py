"""docs/reference/errors.md: every error code, from the catalogue that `sensor help` shows."""

from __future__ import annotations

from collections.abc import Iterator

from docs._markdown import code, inline, link, page, table
from sensor.cli._errors import Entry, catalogue

INTRODUCTION = """\
This page lists every error code with an example and the fix; `sensor help CODE` prints the same text. Every error
message ends with a code in brackets: `sensor: no data in /var/lib/sensor [dataset.missing]`. With `--log-format json`
and in the journal, the code is the field `error`. Codes are stable, so tests and scripts can rely on them; messages may
change.
"""


def errors() -> str:
    """The page."""
    return page("Errors", _lines())


def _lines() -> Iterator[str]:
    found = catalogue()
    yield INTRODUCTION
    yield from table(("code", "meaning"), [(link(name), inline(one.meaning)) for name, one in found.items()])
    for one in found.values():
        yield from _one(one)


def _one(one: Entry) -> Iterator[str]:
    yield from (f"## {one.code}", "", inline(one.meaning), "")
    yield from (
        f"- Example: {code(f'sensor: {one.example} [{one.code}]'.replace('`', chr(39)))}",
        f"- Fix: {inline(one.fix)}",
        "",
    )
