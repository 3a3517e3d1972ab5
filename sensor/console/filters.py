"""Filters in URLs: fields of a view's filter struct are the parameters. Unknown names are errors that suggest the
nearest.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from sensor.console.moments import moment_of
from sensor.views.errors import Malformed, Unknown, one_of

Filter = TypeVar("Filter", bound=msgspec.Struct)
# Parameters of every list, in addition to its filter.
PAGING = ("sort", "order", "cursor", "limit")
# Parameters of every page.
COMMON = ("data", "done", "at", "against")
TIMES = ("since", "until")
LONGEST = 500


def filter_of(kind: type[Filter], given: Mapping[str, Sequence[str]], now: int, more: Sequence[str] = ()) -> Filter:
    """The filter in the parameters. ``now`` (ns): reference of time spans; ``more``: other parameters of the page.
    Raises Unknown, Malformed.
    """
    types = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, texts in given.items():
        if name in (*PAGING, *COMMON, *more):
            continue
        if name not in types:
            raise Unknown("parameter", name[:LONGEST], [*types, *PAGING])
        if present := [text for text in texts if text]:
            values[name] = _value(name, types[name], present, now)
    return kind(**values)


def _value(name: str, kind: Any, texts: Sequence[str], now: int) -> Any:
    if any(len(text) > LONGEST for text in texts):
        raise Malformed(name, f"{texts[0][:20]}…", f"at most {LONGEST} characters")
    if name in TIMES:
        return moment_of(name, texts[-1], now)
    if kind == bool | None:
        return _yes_or_no(name, texts[-1])
    if typing.get_origin(kind) is tuple:
        item = typing.get_args(kind)[0]
        return tuple(_number(name, text) if item is int else text for text in texts)
    return texts[-1] if kind is str else _number(name, texts[-1])


def _yes_or_no(name: str, text: str) -> bool:
    one_of(name, [text], ("yes", "no"))
    return text == "yes"


def _number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Malformed(name, text, "a number")
    return int(text)


class Paging(typing.NamedTuple):
    """Sort order and page of a list."""

    sort: str
    backwards: bool
    cursor: str
    limit: int


def paging_of(given: Mapping[str, Sequence[str]], sort: str, limit: int = 50, *, backwards: bool = True) -> Paging:
    """Paging in the parameters. ``order``: asc or desc. Raises Malformed, Unknown."""
    last = {name: given[name][-1] for name in PAGING if given.get(name) and given[name][-1]}
    order = last.get("order", "desc" if backwards else "asc")
    if order not in ("asc", "desc"):
        raise Unknown("order", order, ("asc", "desc"))
    return Paging(
        last.get("sort", sort), order == "desc", last.get("cursor", ""), _number("limit", last.get("limit", str(limit)))
    )
