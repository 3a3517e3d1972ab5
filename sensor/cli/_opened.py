"""Resources that a command needs until it ends, whatever its result."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Protocol, TypeVar


class Closing(Protocol):
    """A file, a database, or a reader of one."""

    def close(self) -> None: ...


_OPENED = ExitStack()
_One = TypeVar("_One", bound=Closing)


def until_over(one: _One) -> _One:
    """Close the object when the command ends."""
    _OPENED.callback(one.close)
    return one


def over() -> None:
    """Called when the command ends."""
    _OPENED.close()
